import { getService, loadDefinition } from "../../src/transport/grpc/definition.ts";
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  grpcMessage,
  grpcMessages,
  HEADERS,
  headerBlock,
  openHttp2,
  WINDOW_UPDATE,
} from "./raw-http2.ts";
import { headEnd, openTcp, type RawSocket } from "./raw-socket.ts";

/** A frame as the reader of a stream has it. */
export interface StreamFrame {
  type: string;
  /** 0: it has none. */
  seq: number;
  /** Where the client can resume after it; empty: where it could before. */
  position: string;
  // biome-ignore lint/suspicious/noExplicitAny: frames of every type
  payload: any;
}

/** A way to follow a room over a bare socket, whose bytes can be counted. */
export interface RawStream {
  name: string;
  open(room: string, position?: string): Promise<RawSocket>;
  /** The frames that came whole. */
  parseFrames(bytes: Buffer): StreamFrame[];
}

/** Server-sent events, as EventSource asks for them. */
export function rawSse(port: number): RawStream {
  return {
    name: "SSE",
    async open(room, position) {
      const socket = await openTcp(port);
      const resume = position === undefined ? "" : `Last-Event-ID: ${position}\r\n`;
      socket.write(`GET /api/v1/stream?rooms=${room} HTTP/1.1\r\nHost: localhost\r\n${resume}\r\n`);
      return socket;
    },
    parseFrames(bytes) {
      const events = unchunked(bytes).toString().split("\n\n").slice(0, -1);
      return events.flatMap((event) => {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(event)?.[1] ?? "";
        if (field("data") === "") return [];
        const { type, seq = 0, payload } = JSON.parse(field("data"));
        return [{ type, seq, position: field("id"), payload }];
      });
    },
  };
}

/** The body of an HTTP/1.1 response, as far as it was received. */
function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = headEnd(bytes); at > 0 && at < bytes.length; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) break;
    const start = line + 2;
    const end = start + Number.parseInt(bytes.subarray(at, line).toString(), 16);
    parts.push(bytes.subarray(start, end));
    at = end + 2;
  }
  return Buffer.concat(parts);
}

const MAX_WINDOW = 2 ** 31 - 1;

/**
 * gRPC's Subscribe.
 *
 * @param window bytes of the stream that the client allows; it never grows the window
 */
export function rawSubscribe(port: number, token: string, window = MAX_WINDOW): RawStream {
  const { path, requestSerialize, responseDeserialize } = getService(loadDefinition(), "realtime.RealtimeService")
    .Subscribe!;
  const ofConnection = Buffer.alloc(4);
  ofConnection.writeUInt32BE(MAX_WINDOW - 65_535);
  return {
    name: "Subscribe",
    async open(room, position) {
      const [epoch, seq] = position?.split(" ") ?? [];
      const request = { rooms: [epoch === undefined ? { room } : { room, epoch, seq: Number(seq) }] };
      const socket = await openHttp2(port, { window });
      socket.write(
        frame(WINDOW_UPDATE, 0, 0, ofConnection),
        frame(HEADERS, END_HEADERS, 1, headerBlock(path, { authorization: `Bearer ${token}` })),
        frame(DATA, END_STREAM, 1, grpcMessage(requestSerialize(request))),
      );
      return socket;
    },
    parseFrames: (bytes) =>
      grpcMessages(bytes, 1).map((message) => {
        const { type, seq, epoch, payload } = responseDeserialize(message);
        return { type, seq, position: seq === 0 ? "" : `${epoch} ${seq}`, payload: JSON.parse(payload) };
      }),
  };
}
