import type { FramePayload } from "../../../protocol/frames.ts";
import type { RoomPresence } from "./presence-store.ts";

/** A frame about the members of a room. */
export type PresenceFrame = {
  [T in "room:presence" | "room:member_joined" | "room:member_left"]: { type: T; payload: FramePayload<T> };
}["room:presence" | "room:member_joined" | "room:member_left"];

/** A room's presence as its watchers on this node know it. */
export class PresenceSnapshot {
  readonly room: string;
  #sent: RoomPresence;
  /** Of a room too full for a list: when its count was sent, and whether it has changed since. */
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

  /** The first frame of a new watcher. */
  get full(): PresenceFrame {
    return { type: "room:presence", payload: toPresencePayload(this.room, this.#sent) };
  }

  /** The frames that change the room from the last state to `next`. */
  update(next: RoomPresence): PresenceFrame[] {
    const before = this.#sent;
    this.#sent = next;
    if (before.members !== null && next.members !== null) return diffMembers(this.room, before.members, next.members);
    if (before.members === null && next.members === null) {
      this.#isStale ||= before.count !== next.count;
      return [];
    }
    this.#isStale = true;
    this.#sentAt = Number.NEGATIVE_INFINITY;
    return [];
  }

  /** The full frame, when it is due: at once when a list becomes too long or short enough; else a new count every `every` ms. */
  refresh(now: number, every: number): PresenceFrame[] {
    if (!this.#isStale || now - this.#sentAt < every) return [];
    this.#isStale = false;
    this.#sentAt = now;
    return [this.full];
  }
}

/** The payload of frames and REST responses: the list, or where it is too long only the count. */
export function toPresencePayload(room: string, { count, members }: RoomPresence): FramePayload<"room:presence"> {
  if (members === null) return { room, count };
  return { room, count, members: [...members].map(toMember) };
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
