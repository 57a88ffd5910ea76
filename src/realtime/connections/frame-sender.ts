import { type Code, frameCode } from "../../../protocol/codes.ts";
import { roomId } from "../../../protocol/rooms.ts";
import type { HubMetrics } from "../deps.ts";
import type { Room } from "../rooms/room.ts";
import type { FrameTracer } from "../tracing/frame-tracer.ts";
import type { Broadcast } from "../transport.ts";
import type { Connection } from "./connection.ts";
import { encode, encodeError } from "./encode-frame.ts";
import { UserConnections } from "./user-connections.ts";

/**
 * Sends frames: to one connection, or, the same text for all, to the members of a room on this node. Backpressure: what a socket cannot
 * take is in its buffer; the connection checker then closes those that stay slow, and one that drops a frame is cut at once.
 */
export class FrameSender {
  /** A socket did not keep up since the last check: the next one checks all of them. */
  isCongested = false;
  readonly #metrics: HubMetrics;
  readonly #userConnections: UserConnections;
  readonly #tracer: Pick<FrameTracer, "isActive" | "traceSent" | "traceRoomFrame"> | null;
  /** Before the listeners are open no room has members. */
  #broadcasts: readonly Broadcast[] = [];

  /** Without `tracer` no frame is traced. */
  constructor(
    metrics: HubMetrics,
    userConnections = new UserConnections(),
    tracer: Pick<FrameTracer, "isActive" | "traceSent" | "traceRoomFrame"> | null = null,
  ) {
    this.#metrics = metrics;
    this.#userConnections = userConnections;
    this.#tracer = tracer;
  }

  /** @param broadcasts each sends a text to all sockets of a topic: the WebSockets, the streams */
  start(broadcasts: readonly Broadcast[]): void {
    this.#broadcasts = broadcasts;
  }

  /** `type` is for the counters. After `system:bye` nothing is sent. */
  send(connection: Connection, type: string, frame: string): void {
    const { socket } = connection;
    if (socket === null || connection.terminateAt > 0) return;
    this.#metrics.sent(type, 1);
    if (this.#tracer?.isActive) this.#tracer.traceSent(connection, frame);
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

  /** To a room by its topic; in a person's own room the person is not in the topic, so it is sent to each of their connections. */
  readonly publishToRoom = (room: Room, type: string, frame: string): void => {
    if (room.isPersonal) {
      const live = room.selectLive(this.#userConnections.get(roomId(room.name)));
      for (const connection of live) this.send(connection, type, frame);
      if (room.members === 0) return;
    }
    this.#metrics.sent(type, room.members);
    if (this.#tracer?.isActive) this.#tracer.traceRoomFrame(room, frame);
    this.publishToTopic(room.name, frame);
  };

  /** To all sockets of a topic. */
  publishToTopic(topic: string, frame: string): void {
    for (const broadcast of this.#broadcasts) if (broadcast(topic, frame) <= 0) this.isCongested = true;
  }
}

/** The type of a frame that we encoded: it comes first. */
function getFrameType(frame: string): string {
  const start = '{"type":"'.length;
  return frame.slice(start, frame.indexOf('"', start));
}
