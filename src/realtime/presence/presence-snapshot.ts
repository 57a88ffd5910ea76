import type { FramePayload } from "../../../protocol/frames.ts";
import type { RoomPresence } from "./presence-store.ts";

/** A frame that tells of people. */
export type PresenceFrame = {
  [T in "room:presence" | "room:member_joined" | "room:member_left"]: { type: T; payload: FramePayload<T> };
}["room:presence" | "room:member_joined" | "room:member_left"];

/** A room as those who asked on this node have been shown it. */
export class PresenceSnapshot {
  readonly room: string;
  #sent: RoomPresence;
  /** Of a room too full for a list: when its count was told, and whether it has changed since. */
  #sentAt: number;
  #isStale = false;

  constructor(room: string, first: RoomPresence, now: number) {
    this.room = room;
    this.#sent = first;
    this.#sentAt = now;
  }

  get version(): string {
    return this.#sent.version;
  }

  /** What somebody sees first. */
  get full(): PresenceFrame {
    return { type: "room:presence", payload: toPresencePayload(this.room, this.#sent) };
  }

  /** What the others see when the room is as `next` now. */
  update(next: RoomPresence): PresenceFrame[] {
    const before = this.#sent;
    this.#sent = next;
    if (before.people !== null && next.people !== null) return diffMembers(this.room, before.people, next.people);
    if (before.people === null && next.people === null) {
      this.#isStale ||= before.count !== next.count;
      return [];
    }
    this.#isStale = true;
    this.#sentAt = Number.NEGATIVE_INFINITY;
    return [];
  }

  /** The whole anew, when it is due: at once when a list has grown too long or is one again; else a new count now and then. */
  refresh(now: number, every: number): PresenceFrame[] {
    if (!this.#isStale || now - this.#sentAt < every) return [];
    this.#isStale = false;
    this.#sentAt = now;
    return [this.full];
  }
}

/** As frames and answers tell it: the list, or where it is too long the count alone. */
export function toPresencePayload(room: string, { count, people }: RoomPresence): FramePayload<"room:presence"> {
  if (people === null) return { room, count };
  return { room, count, members: [...people].map(toMember) };
}

function diffMembers(
  room: string,
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): PresenceFrame[] {
  const joined = [...now].filter(([userId]) => !before.has(userId)).map(toMember);
  const left = [...before].filter(([userId]) => !now.has(userId)).map(toMember);
  const frames: PresenceFrame[] = [];
  const count = now.size;
  if (joined.length > 0) frames.push({ type: "room:member_joined", payload: { room, count, members: joined } });
  if (left.length > 0) frames.push({ type: "room:member_left", payload: { room, count, members: left } });
  return frames;
}

function toMember([user_id, username]: [string, string]) {
  return { user_id, username };
}
