import { type Code, frameCode } from "../../protocol/codes.ts";
import type { Connection } from "./connection.ts";
import type { HubMetrics } from "./deps.ts";
import { encode, encodeError } from "./encode.ts";

/** Frames to one connection. */
export class Sender {
  /** A socket did not keep up since the last check: look at all of them. */
  congested = false;
  /** Told of each frame while somebody watches. */
  taps: { readonly active: boolean; sent(connection: Connection, frame: string): void } | null = null;
  readonly #metrics: HubMetrics;

  constructor(metrics: HubMetrics) {
    this.#metrics = metrics;
  }

  /** `type` is for the counters. Behind our goodbye nothing is sent. */
  send(connection: Connection, type: string, frame: string): void {
    const { socket } = connection;
    if (socket === null || connection.cutAt > 0) return;
    this.#metrics.sent(type, 1);
    if (this.taps?.active) this.taps.sent(connection, frame);
    const sent = socket.send(frame);
    if (sent > 0) return;
    this.congested = true;
    // A dropped frame is a hole, and the stream behind it worthless: the client resumes on a new socket (SPEC SL-3).
    if (sent === 0) socket.terminate();
  }

  /** Many frames in one write. */
  sendAll(connection: Connection, frames: readonly string[]): void {
    connection.socket?.cork(() => {
      for (const frame of frames) this.send(connection, typeOf(frame), frame);
    });
  }

  /** The connection is out of a room, and not because it asked for it. */
  left(connection: Connection, room: string, code: Code): void {
    this.send(connection, "room:left", encode("room:left", { room, code: frameCode(code) }));
  }

  error(connection: Connection, code: Code, detail?: string, id?: number | string): void {
    this.#metrics.error(frameCode(code));
    this.send(connection, "system:error", encodeError(code, detail, id));
  }
}

/** Of a frame that we encoded: it begins with its type. */
function typeOf(frame: string): string {
  const start = '{"type":"'.length;
  return frame.slice(start, frame.indexOf('"', start));
}
