import type { CommandId } from "../protocol/frames.ts";
import type { Position } from "../protocol/objects.ts";
import type { Follower } from "./follower.ts";
import type { RoomPresence } from "./presence.ts";

/** A room that this client follows: its followers, and its state on the connection. */
export interface Room {
  name: string;
  followers: Set<Follower>;
  /** `left`: not requested yet. `pending`: requested; frames before the reply are ignored. `live`: frames follow. */
  status: "left" | "pending" | "live";
  /** The command whose reply counts; replies to older ones are ignored. */
  commandId: CommandId | null;
  /** Seq of the last entry received on this connection, or of the position it started from. */
  lastSeq: number;
  epoch: string;
  /** Whether presence was requested, and the last one received. */
  presenceRequested: boolean;
  presence: RoomPresence | null;
}

export function newRoom(name: string, position: Position | null): Room {
  return {
    name,
    followers: new Set(),
    status: "left",
    commandId: null,
    lastSeq: 0,
    epoch: position?.epoch ?? "",
    presenceRequested: false,
    presence: null,
  };
}

/** Whether presence is requested if, and only if, a follower wants it. */
export function isPresenceCurrent(room: Room): boolean {
  return room.presenceRequested === wantsPresence(room);
}

/** The presence option of the command that requests the room; records it in the room. */
export function presenceOption(room: Room): { presence?: true } {
  room.presenceRequested = wantsPresence(room);
  if (room.presenceRequested) return { presence: true };
  room.presence = null;
  return {};
}

/** Records which command requests the room; null: the connection was lost before it was sent. */
export function setPending(room: Room, commandId: CommandId | null): void {
  room.commandId = commandId;
  room.status = commandId === null ? "left" : "pending";
}

/** The earliest position from which all followers can continue; null when none has one. */
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
