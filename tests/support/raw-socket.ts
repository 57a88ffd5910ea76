import { connect } from "node:net";
import { waitUntil } from "./wait-until.ts";

/** A TCP connection on which a test writes any bytes, and that stores every received byte. */
export interface RawSocket {
  /** Its own port. */
  port: number;
  write(...bytes: (string | Uint8Array)[]): void;
  /** Each byte in its own packet, as far as the kernel allows. */
  writeSlowly(bytes: Uint8Array): Promise<void>;
  received(): Buffer;
  /** How many bytes that is. */
  length: number;
  /** The other side has ended or reset it. */
  ended: boolean;
  /** ... by a reset. */
  reset: boolean;
  /** Reads nothing more, or again. */
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
}

/** @param from the local address; 127.0.0.2 is another client than 127.0.0.1 */
export async function openTcp(port: number, { host = "127.0.0.1", from = "127.0.0.1" } = {}): Promise<RawSocket> {
  const socket = connect({ port, host, localAddress: from });
  const chunks: Buffer[] = [];
  const raw: RawSocket = {
    port: 0,
    length: 0,
    write: (...bytes) => void socket.write(Buffer.concat(bytes.map((part) => Buffer.from(part)))),
    async writeSlowly(bytes) {
      for (const byte of bytes) {
        socket.write(Uint8Array.of(byte));
        await new Promise(setImmediate);
      }
    },
    received: () => Buffer.concat(chunks),
    ended: false,
    reset: false,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
  socket.setNoDelay(true);
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    raw.length += chunk.length;
  });
  socket.on("end", () => {
    raw.ended = true;
  });
  socket.on("close", () => {
    raw.ended = true;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  raw.port = socket.localPort!;
  socket.on("error", () => {
    raw.reset = true;
    raw.ended = true;
  });
  return raw;
}

/** A server's frame: its opcode and what it carries. */
export interface ServerFrame {
  opcode: number;
  payload: Buffer;
}

/** All whole frames of a server's bytes. */
export function parseServerFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes[at + 1]! & 127;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + head > bytes.length) break;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if (at + head + length > bytes.length) break;
    frames.push({ opcode: bytes[at]! & 15, payload: bytes.subarray(at + head, at + head + length) });
    at += head + length;
  }
  return frames;
}

export const HANDSHAKE = [
  "GET /ws HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** Where the head of a response ends; -1: it is incomplete. */
export function headEnd(bytes: Buffer): number {
  const at = bytes.indexOf("\r\n\r\n");
  return at < 0 ? -1 : at + 4;
}

/** A raw socket after its handshake; `frames` leaves out the response's head. */
export async function openRawWebSocket(port: number, options: { from?: string } = {}) {
  const socket = await openTcp(port, options);
  socket.write(`${HANDSHAKE.join("\r\n")}\r\n\r\n`);
  await waitUntil("the response to the handshake came", () => headEnd(socket.received()) > 0);
  const start = headEnd(socket.received());
  return Object.assign(socket, { frames: () => parseServerFrames(socket.received().subarray(start)) });
}
