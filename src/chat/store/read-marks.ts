import type { ISql } from "../../platform/postgres/sql.ts";

export interface MarkMove {
  channelId: string;
  userId: string;
  messageId: string;
}

/** The present mark: the last message read, its seq, and what is unread after it. */
export interface ReadMark {
  last_read_id: string;
  last_read_seq: number;
  unread: number;
  /** Head of the channel's log at which `unread` was counted. */
  last_seq: number;
}

/** `refused`: the person is not in such a channel, or the message does not exist. `locked`: another transaction has the mark's row. */
export type MoveResult = ReadMark | "refused" | "locked";

/**
 * Moves a batch of marks forward. One result per mark.
 *
 * @param skipLocked whether locked marks are skipped; otherwise it waits for their locks, and none is skipped
 */
export async function moveReadMarks(sql: ISql, marks: readonly MarkMove[], skipLocked: boolean): Promise<MoveResult[]> {
  const rows = await sql<(ReadMark & { n: number })[]>`
    SELECT n, read_id AS last_read_id, read_seq::float8 AS last_read_seq, unread, head::float8 AS last_seq
    FROM move_read_marks(${marks.map((m) => m.channelId)}::bigint[],
      ${marks.map((m) => m.userId)}::text[], ${marks.map((m) => m.messageId)}::bigint[], ${skipLocked}::boolean)`;
  const results = marks.map((): MoveResult => "refused");
  for (const { n, ...marked } of rows) results[n - 1] = marked.last_read_id === null ? "locked" : marked;
  return results;
}

/** What a user has not read, for each of their channels with unread messages. */
export function countUnread(sql: ISql, userId: string): Promise<{ channel_id: string; unread: number }[]> {
  return sql<{ channel_id: string; unread: number }[]>`
    SELECT m.channel_id, u.unread
    FROM members m JOIN channels c ON c.id = m.channel_id AND c.deleted_at IS NULL
    CROSS JOIN LATERAL (SELECT unread_count(m.channel_id, m.user_id, m.read_id) AS unread) u
    WHERE m.user_id = ${userId} AND u.unread > 0
    ORDER BY m.channel_id`;
}
