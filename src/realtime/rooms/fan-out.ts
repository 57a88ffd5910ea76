import type { FrameSender } from "../connections/frame-sender.ts";
import type { HubMetrics } from "../deps.ts";
import type { FrameTracer } from "../tracing/frame-tracer.ts";
import type { Broadcast } from "../transport.ts";
import type { Room } from "./room.ts";
import type { RoomRegistry } from "./room-registry.ts";

export interface FanOutDeps {
  rooms: RoomRegistry;
  sender: FrameSender;
  tracer: FrameTracer;
  metrics: HubMetrics;
}

/** Sends a frame, with the same text for all, to the members of a room on this node. */
export class FanOut {
  readonly #deps: FanOutDeps;
  /** Before the listeners are open no room has members. */
  #broadcast: Broadcast = () => 0;

  constructor(deps: FanOutDeps) {
    this.#deps = deps;
  }

  start(broadcast: Broadcast): void {
    this.#broadcast = broadcast;
  }

  /** To a room by its topic; in a person's own room the person is not in the topic, so it is sent to each of their connections. */
  publishToRoom(room: Room, type: string, frame: string): void {
    const { rooms, sender, tracer, metrics } = this.#deps;
    if (room.isPersonal) for (const connection of rooms.getLiveConnections(room)) sender.send(connection, type, frame);
    if (room.isPersonal && room.members === 0) return;
    metrics.sent(type, room.members);
    if (tracer.isActive) tracer.traceRoomFrame(room, frame);
    this.publishToTopic(room.name, frame);
  }

  /** To all sockets of a topic. */
  publishToTopic(topic: string, frame: string): void {
    if (this.#broadcast(topic, frame) <= 0) this.#deps.sender.isCongested = true;
  }
}
