import type { Sql } from "../../platform/postgres/sql.ts";

/** Empties the notices in a user's own room, except for chat's entries, which chat redacts itself. The numbers stay. */
export async function eraseNotices(sql: Sql, userId: string): Promise<void> {
  await sql`
    UPDATE log SET payload = '{}' FROM rooms r
    WHERE r.name = ${`user:${userId}`} AND log.room_id = r.id AND log.type NOT LIKE 'channel:%'`;
}

/** The same entries, for the person's export. */
export async function listNotices(
  sql: Sql,
  userId: string,
): Promise<{ type: string; payload: Record<string, unknown>; at: Date }[]> {
  return sql<{ type: string; payload: Record<string, unknown>; at: Date }[]>`
    SELECT l.type, l.payload::json AS payload, l.at FROM rooms r JOIN log l ON l.room_id = r.id
    WHERE r.name = ${`user:${userId}`} AND l.type NOT LIKE 'channel:%' ORDER BY l.seq`;
}
