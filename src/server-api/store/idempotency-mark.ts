import type { Sql } from "../../platform/postgres/sql.ts";

/** Whether an entry with this mark in its `meta` was appended to the room while its Idempotency-Key was valid. */
export async function isAppended(sql: Sql, room: string, mark: string): Promise<boolean> {
  const [row] = await sql<{ is_appended: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM rooms r JOIN log l ON l.room_id = r.id
      WHERE r.name = ${room} AND l.at > clock_timestamp() - interval '24 hours'
        -- As the index log_once has it.
        AND l.meta LIKE '%"once":"%' AND substring(l.meta FROM '"once":"([0-9a-f]{32})"') = ${mark}
    ) AS is_appended`;
  return row!.is_appended;
}
