import type { CommandId } from "../protocol/frames.ts";
import type { Position } from "../protocol/objects.ts";
import type { Follower } from "./follower.ts";
import type { RoomPresence } from "./presence.ts";

/** A room that this client follows: who listens to it, and how it stands with the server. */
export interface Room {
  name: string;
  followers: Set<Follower>;
  /** `away`: the server is not asked yet. `asked`: frames before the reply are ignored. `live`: frames follow. */
  status: "away" | "asked" | "live";
  /** The command whose reply counts; replies to older ones are ignored. */
  commandId: CommandId | null;
  /** The last entry that came on this connection, or from where it began to flow. */
  lastSeq: number;
  epoch: string;
  /** Whether the server was asked to tell who is there, and what it told last. */
  presenceRequested: boolean;
  presence: RoomPresence | null;
}

export function newRoom(name: string, position: Position | null): Room {
  return {
    name,
    followers: new Set(),
    status: "away",
    commandId: null,
    lastSeq: 0,
    epoch: position?.epoch ?? "",
    presenceRequested: false,
    presence: null,
  };
}

/** Whether the server tells who is there if, and only if, some listener wants to know. */
export function isPresenceCurrent(room: Room): boolean {
  return room.presenceRequested === wantsPresence(room);
}

/** Notes whether who is there is asked for with the room; as a part of the command. */
export function presenceOption(room: Room): { presence?: true } {
  room.presenceRequested = wantsPresence(room);
  if (room.presenceRequested) return { presence: true };
  room.presence = null;
  return {};
}

/** Notes which command asks for the room; null: the connection was gone before it was sent. */
export function setPending(room: Room, commandId: CommandId | null): void {
  room.commandId = commandId;
  room.status = commandId === null ? "away" : "asked";
}

/** The earliest place from which all listeners can go on; null when none has one. */
export function oldestPosition(room: Room): Position | null {
  let oldest: Position | null = null;
  for (const follower of room.followers) {
    const { position } = follower;
    if (!position || follower.isResetting || position.epoch !== room.epoch) continue;
    if (!oldest || position.seq < oldest.seq) oldest = position;
  }
  return oldest;
}

function wantsPresence({ followers }: Room): boolean {
  for (const { handlers } of followers) if (handlers.presence !== undefined) return true;
  return false;
}
