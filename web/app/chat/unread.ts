import type { Channel } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";

/** A count of the server: what was unread after the message of `last_read_seq` when the head of the channel's log was `last_seq`. */
export type UnreadCount = Pick<Channel, "last_read_seq" | "unread" | "last_seq">;

/** What is unread in a channel: the server's last count, and the changes by log entries since. Values are never changed, only replaced. */
export interface UnreadState extends UnreadCount {
  /** Newest last; also those that are in the count, as a count of an earlier position may come late. */
  readonly changes: readonly UnreadChange[];
}

/** A log entry that adds or removes an unread message of others. */
interface UnreadChange {
  seq: number;
  /** The message's own seq. */
  messageSeq: number;
  delta: 1 | -1;
}

/** Counts end here: 100 means "99+". */
const UNREAD_MAX = 100;
const CHANGES_MAX = 500;

/** @param before the state of the channel so far */
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

/**
 * The count at the present head of the log.
 *
 * @param seenSeq head of the log since which new messages are visible
 */
export function countUnread(
  { unread, last_read_seq, last_seq, changes }: UnreadState,
  seenSeq = Number.POSITIVE_INFINITY,
): number {
  // How many there are beyond 100 is not known, so a deletion changes nothing until the server counts again.
  if (unread >= UNREAD_MAX) return UNREAD_MAX;
  let total = unread;
  for (const { seq, messageSeq, delta } of changes) {
    if (seq > last_seq && messageSeq > last_read_seq && messageSeq <= seenSeq) total += delta;
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
