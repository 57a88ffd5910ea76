import { openTcp, type RawSocket } from "./raw-socket.ts";

/** HTTP/2 by hand (RFC 9113), for clients that do what no library would. */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
const SETTINGS = 4;
export const PING = 6;
const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

/** Flags of a frame; they mean something for some types only. */
export const END_STREAM = 1;
export const END_HEADERS = 4;

/** The client's preface. */
export const CONNECTION_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A frame as it is sent. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Numbers of SETTINGS. */
const INITIAL_WINDOW_SIZE = 4;

/** @param window bytes of each stream that we accept before a WINDOW_UPDATE */
export function settings({ window }: { window?: number } = {}): Buffer {
  if (window === undefined) return frame(SETTINGS, 0, 0);
  const value = Buffer.alloc(6);
  value.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
  value.writeUInt32BE(window, 2);
  return frame(SETTINGS, 0, 0, value);
}

/** A header block (RFC 7541) without Huffman codes or tables: POST, http, localhost, a path. Values of at most 126 bytes. */
export function headerBlock(path: string, more: Record<string, string> = {}): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const pair = (name: string, value: string) => Buffer.concat([Buffer.from([0]), text(name), text(value)]);
  const headers = { "content-type": "application/grpc", te: "trailers", ...more };
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x01]),
    text("localhost"),
    Buffer.from([0x04]),
    text(path),
    ...Object.entries(headers).map(([name, value]) => pair(name, value)),
  ]);
}

/** A message of gRPC: not compressed, its length, its bytes. */
export function grpcMessage(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

export interface Http2Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

/** All whole frames of a server's bytes. */
export function http2Frames(bytes: Buffer): Http2Frame[] {
  const frames: Http2Frame[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

/** The messages of gRPC that came whole in a stream. */
export function grpcMessages(bytes: Buffer, stream: number): Buffer[] {
  const data = http2Frames(bytes).filter((one) => one.type === DATA && one.stream === stream);
  const body = Buffer.concat(data.map(({ payload }) => payload));
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end > body.length) break;
    messages.push(body.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

/** The text of a server's first GOAWAY; null: it sent none. */
export function goawayText(bytes: Buffer): string | null {
  const first = http2Frames(bytes).find(({ type }) => type === GOAWAY);
  return first === undefined ? null : first.payload.subarray(8).toString();
}

/** A connection that has sent the preface, and writes any bytes. */
export async function openHttp2(
  port: number,
  { window, ...from }: { window?: number; from?: string } = {},
): Promise<RawSocket> {
  const socket = await openTcp(port, from);
  socket.write(CONNECTION_PREFACE, settings({ window }));
  return socket;
}
