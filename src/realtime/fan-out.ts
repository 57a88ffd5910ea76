import type { HubMetrics } from "./deps.ts";
import type { Broadcast } from "./doors.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { Sender } from "./sender.ts";
import type { Taps } from "./taps.ts";

export interface FanOutDeps {
  rooms: Rooms;
  sender: Sender;
  taps: Taps;
  metrics: HubMetrics;
}

/** A frame for all who are in a room of this node, whose text is the same for all. */
export class FanOut {
  readonly #deps: FanOutDeps;
  /** Before the doors are open nobody is in a room. */
  #broadcast: Broadcast = () => 0;

  constructor(deps: FanOutDeps) {
    this.#deps = deps;
  }

  start(broadcast: Broadcast): void {
    this.#broadcast = broadcast;
  }

  /** To a room by its topic; in a person's own room he himself is not in the topic, and each of his connections gets it. */
  show(room: Room, type: string, frame: string): void {
    const { rooms, sender, taps, metrics } = this.#deps;
    if (room.personal) for (const connection of rooms.liveIn(room)) sender.send(connection, type, frame);
    if (room.personal && room.members === 0) return;
    metrics.sent(type, room.members);
    if (taps.active) taps.shown(room, frame);
    this.publish(room.name, frame);
  }

  /** To all sockets of a topic. */
  publish(topic: string, frame: string): void {
    if (this.#broadcast(topic, frame) <= 0) this.#deps.sender.congested = true;
  }
}
