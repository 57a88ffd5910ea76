import { type Code, frameCode } from "../../../protocol/codes.ts";
import type { HubMetrics } from "../deps.ts";
import type { Connection } from "./connection.ts";
import { encode, encodeError } from "./encode-frame.ts";

/** Sends frames to one connection. */
export class FrameSender {
  /** A socket did not keep up since the last check: the next one checks all of them. */
  isCongested = false;
  /** Called for each frame while a trace is open. */
  tracer: { readonly isActive: boolean; traceSent(connection: Connection, frame: string): void } | null = null;
  readonly #metrics: HubMetrics;

  constructor(metrics: HubMetrics) {
    this.#metrics = metrics;
  }

  /** `type` is for the counters. After `system:bye` nothing is sent. */
  send(connection: Connection, type: string, frame: string): void {
    const { socket } = connection;
    if (socket === null || connection.terminateAt > 0) return;
    this.#metrics.sent(type, 1);
    if (this.tracer?.isActive) this.tracer.traceSent(connection, frame);
    const sent = socket.send(frame);
    if (sent > 0) return;
    this.isCongested = true;
    // After a dropped frame the stream has a gap: the client resumes on a new socket (SPEC SL-3).
    if (sent === 0) socket.terminate();
  }

  /** Many frames in one write. */
  sendAll(connection: Connection, frames: readonly string[]): void {
    connection.socket?.cork(() => {
      for (const frame of frames) this.send(connection, getFrameType(frame), frame);
    });
  }

  /** The connection was removed from a room, without its own request. */
  sendLeft(connection: Connection, room: string, code: Code): void {
    this.send(connection, "room:left", encode("room:left", { room, code: frameCode(code) }));
  }

  sendError(connection: Connection, code: Code, detail?: string, id?: number | string): void {
    this.#metrics.error(frameCode(code));
    this.send(connection, "system:error", encodeError(code, detail, id));
  }
}

/** The type of a frame that we encoded: it comes first. */
function getFrameType(frame: string): string {
  const start = '{"type":"'.length;
  return frame.slice(start, frame.indexOf('"', start));
}
