import type { Channel } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";

/** A count of the server's: what was unread after the message of `last_read_seq` when the head of the channel's log was `last_seq`. */
export type UnreadCount = Pick<Channel, "last_read_seq" | "unread" | "last_seq">;

/** What is unread in a channel: the server's last count, and what the log told beside it. Values are never changed, only replaced. */
export interface UnreadState extends UnreadCount {
  /** Newest last; also those that the count knows, for a count of an earlier place may come late. */
  readonly changes: readonly UnreadChange[];
}

/** An entry of the log that makes a message of others one to be read, or takes it away. */
interface UnreadChange {
  seq: number;
  /** The message's own seq. */
  messageSeq: number;
  delta: 1 | -1;
}

/** Counts end here: 100 means "99+". */
const UNREAD_MAX = 100;
const CHANGES_MAX = 500;

/** @param before what is known of the channel already */
export function withCount(before: UnreadState | undefined, count: UnreadCount): UnreadState {
  const { last_read_seq, unread, last_seq } = count;
  const isLate =
    before !== undefined &&
    (last_read_seq < before.last_read_seq || (last_read_seq === before.last_read_seq && last_seq < before.last_seq));
  return isLate ? before : { last_read_seq, unread, last_seq, changes: before?.changes ?? [] };
}

/** @param me whose own messages are never unread */
export function withFrame(before: UnreadState, frame: RoomFrame, me: string): UnreadState {
  const change = getUnreadChange(frame, me);
  return change === null ? before : { ...before, changes: [...before.changes.slice(1 - CHANGES_MAX), change] };
}

/** The server's count for the present place in the log. @param seen head of the log from which on new messages are in sight */
export function countUnread(
  { unread, last_read_seq, last_seq, changes }: UnreadState,
  seen = Number.POSITIVE_INFINITY,
): number {
  // How many there are beyond the end is not known, so a deletion takes nothing away until it is counted anew.
  if (unread >= UNREAD_MAX) return UNREAD_MAX;
  let total = unread;
  for (const { seq, messageSeq, delta } of changes) {
    if (seq > last_seq && messageSeq > last_read_seq && messageSeq <= seen) total += delta;
  }
  return Math.min(UNREAD_MAX, Math.max(0, total));
}

function getUnreadChange({ type, seq, payload }: RoomFrame, me: string): UnreadChange | null {
  if (type === "message:created") return payload.user_id === me ? null : { seq, messageSeq: seq, delta: 1 };
  if (type !== "message:deleted") return null;
  const { author_id, message_seq } = payload;
  return author_id === undefined || message_seq === undefined || author_id === me
    ? null
    : { seq, messageSeq: message_seq, delta: -1 };
}
