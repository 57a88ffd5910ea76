import type { z } from "zod";
import type { CloseReason } from "../../protocol/codes.ts";
import type { CommandPayload, CommandType, FramePayload, FrameType } from "../../protocol/frames.ts";
import type { RoomKind } from "../../protocol/rooms.ts";
import type { Caller } from "../platform/caller.ts";
import type { LogEntry } from "../platform/log/entry.ts";

/** What the other modules may call of the hub. One per node; made by `createHub` in hub.ts. */
export interface Realtime {
  /** Shows committed entries to whoever is in their rooms. Any order, repeats allowed: each room publishes seq by seq. */
  publish(entries: readonly LogEntry[]): void;
  /** Sends a frame that is not kept (typing, read marks) to a room; `except` leaves out one person's connections. */
  publishEphemeral<T extends FrameType>(room: string, type: T, payload: FramePayload<T>, except?: string): void;
  /** Who may join rooms of this kind is asked of the module that owns the prefix, at every join. */
  registerRooms(kind: RoomKind, policy: RoomPolicy): void;
  /** A command's payload is checked against `COMMANDS[type]` before the handler sees it. The answer is the ack's payload. */
  registerCommand<T extends CommandType>(type: T, handler: CommandHandler<T>): void;
  /** Takes all connections of a person out of a room, in this tick; they get `room:left` with code FORBIDDEN. */
  expel(room: string, userId: string): void;
  /** Says `system:bye` and closes. Used at logout, revoke, ban, expiry. */
  closeSession(sessionId: string, reason: CloseReason): void;
  closeUser(userId: string, reason: CloseReason, exceptSessionId?: string): void;
}

export interface RoomPolicy {
  /** Resolves when the caller may join; throws AppError (`not_found`, `forbidden`, `unauthenticated`) when not. */
  authorize(caller: Caller, room: string): Promise<void>;
}

/**
 * Runs for one connection at a time, in the order the frames came. `accepted` may be called early: then the next frame
 * of this connection is taken although this answer is still being written (a post that is queued is done, for the order).
 */
export type CommandHandler<T extends CommandType> = (command: {
  caller: Caller;
  payload: CommandPayload<T>;
  accepted: () => void;
}) => Promise<Record<string, unknown> | undefined>;

export type Schema = z.ZodType;
