import { type Code, frameCode } from "../../../protocol/codes.ts";
import type { HubMetrics } from "../deps.ts";
import type { Connection } from "./connection.ts";
import { encode, encodeError } from "./encode-frame.ts";

/** Frames to one connection. */
export class FrameSender {
  /** A socket did not keep up since the last check: look at all of them. */
  isCongested = false;
  /** Told of each frame while somebody watches. */
  tracer: { readonly isActive: boolean; traceSent(connection: Connection, frame: string): void } | null = null;
  readonly #metrics: HubMetrics;

  constructor(metrics: HubMetrics) {
    this.#metrics = metrics;
  }

  /** `type` is for the counters. After our goodbye nothing is sent. */
  send(connection: Connection, type: string, frame: string): void {
    const { socket } = connection;
    if (socket === null || connection.terminateAt > 0) return;
    this.#metrics.sent(type, 1);
    if (this.tracer?.isActive) this.tracer.traceSent(connection, frame);
    const sent = socket.send(frame);
    if (sent > 0) return;
    this.isCongested = true;
    // A dropped frame is a hole, and the stream after it worthless: the client resumes on a new socket (SPEC SL-3).
    if (sent === 0) socket.terminate();
  }

  /** Many frames in one write. */
  sendAll(connection: Connection, frames: readonly string[]): void {
    connection.socket?.cork(() => {
      for (const frame of frames) this.send(connection, getFrameType(frame), frame);
    });
  }

  /** The connection is out of a room, and not because it asked for it. */
  sendLeft(connection: Connection, room: string, code: Code): void {
    this.send(connection, "room:left", encode("room:left", { room, code: frameCode(code) }));
  }

  sendError(connection: Connection, code: Code, detail?: string, id?: number | string): void {
    this.#metrics.error(frameCode(code));
    this.send(connection, "system:error", encodeError(code, detail, id));
  }
}

/** Of a frame that we encoded: it begins with its type. */
function getFrameType(frame: string): string {
  const start = '{"type":"'.length;
  return frame.slice(start, frame.indexOf('"', start));
}
