import type { CommandId } from "../protocol/frames.ts";
import type { Position } from "../protocol/objects.ts";
import type { Follower } from "./follower.ts";
import type { RoomPresence } from "./presence.ts";

/** A room that this client follows: who listens to it, and how it stands with the server. */
export interface Room {
  name: string;
  followers: Set<Follower>;
  /** `away`: the server is not asked yet. `asked`: what comes before the answer is not counted. `live`: frames follow. */
  status: "away" | "asked" | "live";
  /** The command whose answer counts; answers to older ones do not. */
  ask: CommandId | null;
  /** The last entry that came on this connection, or from where it began to flow. */
  at: number;
  epoch: string;
  /** Whether the server was asked to tell who is there, and what it told last. */
  watched: boolean;
  presence: RoomPresence | null;
}

export function newRoom(name: string, position: Position | null): Room {
  return {
    name,
    followers: new Set(),
    status: "away",
    ask: null,
    at: 0,
    epoch: position?.epoch ?? "",
    watched: false,
    presence: null,
  };
}

/** Whether the server tells who is there if, and only if, some listener wants to know. */
export function isWatchedRightly(room: Room): boolean {
  return room.watched === wantsPresence(room);
}

/** Notes whether who is there is asked for with the room; as a part of the command. */
export function watching(room: Room): { presence?: true } {
  room.watched = wantsPresence(room);
  if (room.watched) return { presence: true };
  room.presence = null;
  return {};
}

/** Notes which command asks for the room; null: the connection was gone before it was sent. */
export function asked(room: Room, ask: CommandId | null): void {
  room.ask = ask;
  room.status = ask === null ? "away" : "asked";
}

/** The earliest place from which all listeners can go on; null when none has one. */
export function oldest(room: Room): Position | null {
  let least: Position | null = null;
  for (const follower of room.followers) {
    const { position } = follower;
    if (!position || follower.resetting || position.epoch !== room.epoch) continue;
    if (!least || position.seq < least.seq) least = position;
  }
  return least;
}

function wantsPresence({ followers }: Room): boolean {
  for (const { handlers } of followers) if (handlers.presence !== undefined) return true;
  return false;
}
