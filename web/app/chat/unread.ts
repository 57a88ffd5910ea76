import type { Channel } from "../../../protocol/objects.ts";
import type { RoomFrame } from "../../../sdk/follower.ts";

/** A count of the server's: what was unread after the message of `last_read_seq` when the head of the channel's log was `last_seq`. */
export type Count = Pick<Channel, "last_read_seq" | "unread" | "last_seq">;

/** What is unread in a channel: the server's last count, and what the log told beside it. Values are never changed, only replaced. */
export interface Unread extends Count {
  /** Newest last; also those that the count knows, for a count of an earlier place may come late. */
  readonly changes: readonly Change[];
}

/** An entry of the log that makes a message of others one to be read, or takes it away. */
interface Change {
  seq: number;
  /** The message's own seq. */
  messageSeq: number;
  by: 1 | -1;
}

/** Counts end here: 100 means "99+". */
const UNREAD_MAX = 100;
const CHANGES_MAX = 500;

/** @param before what is known of the channel already */
export function withCount(before: Unread | undefined, count: Count): Unread {
  const { last_read_seq, unread, last_seq } = count;
  const isLate =
    before !== undefined &&
    (last_read_seq < before.last_read_seq || (last_read_seq === before.last_read_seq && last_seq < before.last_seq));
  return isLate ? before : { last_read_seq, unread, last_seq, changes: before?.changes ?? [] };
}

/** @param me whose own messages are never unread */
export function withFrame(before: Unread, frame: RoomFrame, me: string): Unread {
  const change = changeOf(frame, me);
  return change === null ? before : { ...before, changes: [...before.changes.slice(1 - CHANGES_MAX), change] };
}

/** The server's count for the present place in the log. @param seen head of the log from which on new messages are in sight */
export function totalOf({ unread, last_read_seq, last_seq, changes }: Unread, seen = Number.POSITIVE_INFINITY): number {
  // How many there are beyond the end is not known, so a deletion takes nothing away until it is counted anew.
  if (unread >= UNREAD_MAX) return UNREAD_MAX;
  let total = unread;
  for (const { seq, messageSeq, by } of changes) {
    if (seq > last_seq && messageSeq > last_read_seq && messageSeq <= seen) total += by;
  }
  return Math.min(UNREAD_MAX, Math.max(0, total));
}

function changeOf({ type, seq, payload }: RoomFrame, me: string): Change | null {
  if (type === "message:created") return payload.user_id === me ? null : { seq, messageSeq: seq, by: 1 };
  if (type !== "message:deleted") return null;
  const { author_id, message_seq } = payload;
  return author_id === undefined || message_seq === undefined || author_id === me
    ? null
    : { seq, messageSeq: message_seq, by: -1 };
}
