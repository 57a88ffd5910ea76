import type { FramePayload } from "../../../protocol/frames.ts";
import type { Attendance } from "./presence.ts";

/** A frame that tells of people. */
export type PresenceFrame = {
  [T in "room:presence" | "room:member_joined" | "room:member_left"]: { type: T; payload: FramePayload<T> };
}["room:presence" | "room:member_joined" | "room:member_left"];

/** A room as those who asked on this node have been shown it. */
export class View {
  readonly room: string;
  #shown: Attendance;
  /** Of a room too full for a list: when its count was told, and whether it has changed since. */
  #toldAt: number;
  #stale = false;

  constructor(room: string, first: Attendance, now: number) {
    this.room = room;
    this.#shown = first;
    this.#toldAt = now;
  }

  get version(): string {
    return this.#shown.version;
  }

  /** What somebody sees first. */
  get first(): PresenceFrame {
    return { type: "room:presence", payload: presenceOf(this.room, this.#shown) };
  }

  /** What the others see when the room is as `next` now. */
  change(next: Attendance): PresenceFrame[] {
    const before = this.#shown;
    this.#shown = next;
    if (before.people !== null && next.people !== null) return differences(this.room, before.people, next.people);
    if (before.people === null && next.people === null) {
      this.#stale ||= before.count !== next.count;
      return [];
    }
    this.#stale = true;
    this.#toldAt = Number.NEGATIVE_INFINITY;
    return [];
  }

  /** The whole anew, when it is due: at once when a list has grown too long or is one again; else a new count now and then. */
  refresh(now: number, every: number): PresenceFrame[] {
    if (!this.#stale || now - this.#toldAt < every) return [];
    this.#stale = false;
    this.#toldAt = now;
    return [this.first];
  }
}

/** As frames and answers tell it: the list, or where it is too long the count alone. */
export function presenceOf(room: string, { count, people }: Attendance): FramePayload<"room:presence"> {
  if (people === null) return { room, count };
  return { room, count, members: [...people].map(memberOf) };
}

function differences(
  room: string,
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): PresenceFrame[] {
  const joined = [...now].filter(([userId]) => !before.has(userId)).map(memberOf);
  const left = [...before].filter(([userId]) => !now.has(userId)).map(memberOf);
  const frames: PresenceFrame[] = [];
  const count = now.size;
  if (joined.length > 0) frames.push({ type: "room:member_joined", payload: { room, count, members: joined } });
  if (left.length > 0) frames.push({ type: "room:member_left", payload: { room, count, members: left } });
  return frames;
}

function memberOf([user_id, username]: [string, string]) {
  return { user_id, username };
}
