import type { ISql } from "../../platform/postgres/sql.ts";

export interface Mark {
  channelId: string;
  userId: string;
  messageId: string;
}

/** A mark as it stands now. `lastReadId` is null in a channel that has no message. */
export interface Marked {
  lastReadId: string | null;
  unread: number;
}

/** Moves a batch of marks forward; null for a person who is not in such a channel. One answer per mark. */
export async function markRead(sql: ISql, marks: readonly Mark[]): Promise<(Marked | null)[]> {
  const rows = await sql<{ n: number; read_id: string; unread: number }[]>`
    SELECT n, read_id, unread FROM mark_read(${marks.map((m) => m.channelId)}::bigint[],
      ${marks.map((m) => m.userId)}::text[], ${marks.map((m) => m.messageId)}::bigint[])`;
  const answers: (Marked | null)[] = marks.map(() => null);
  for (const { n, read_id, unread } of rows) {
    answers[n - 1] = { lastReadId: read_id === "0" ? null : read_id, unread };
  }
  return answers;
}

/** What a person has not read, for each of his channels where there is something. */
export function countUnread(sql: ISql, userId: string): Promise<{ channel_id: string; unread: number }[]> {
  return sql<{ channel_id: string; unread: number }[]>`
    SELECT m.channel_id, u.unread
    FROM members m JOIN channels c ON c.id = m.channel_id AND c.deleted_at IS NULL
    CROSS JOIN LATERAL (SELECT unread_count(m.channel_id, m.user_id, m.read_id) AS unread) u
    WHERE m.user_id = ${userId} AND u.unread > 0
    ORDER BY m.channel_id`;
}
