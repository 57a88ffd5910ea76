import { logPartitions } from "../../platform/log/partitions.ts";
import type { ISql } from "../../platform/postgres/sql.ts";

/** A period whose entries one statement can scan: one partition of the log. */
export interface LogPartition {
  from: string;
  to: string;
}

export function findLogPartitions(sql: ISql): Promise<LogPartition[]> {
  return sql<LogPartition[]>`
    SELECT lower::text AS from, upper::text AS to FROM ${logPartitions(sql)} p ORDER BY upper`;
}

/** A string of JSON, as a regular expression. */
const JSON_STRING = String.raw`"(?:[^"\\]|\\.)*"`;

/** An entry's position in one partition. */
export interface LogPosition {
  room_id: string;
  seq: string;
}

export const FIRST_POSITION: LogPosition = { room_id: "0", seq: "0" };

/**
 * Replaces a user's previous name by the current one, in the next `step` entries of this partition after a position: as member,
 * as the other person of a direct chat, as author. Quotes in people's texts are escaped, so no text looks like these keys.
 *
 * In a transaction of its own: it changes planner settings.
 *
 * @returns the position of the last of these entries; null: there were no more
 */
export async function replaceName(
  sql: ISql,
  { from, to }: LogPartition,
  userId: string,
  after: LogPosition,
  step: number,
): Promise<LogPosition | null> {
  const id = userId.replaceAll(".", "\\.");
  // By the key only, whatever the planner knows of the partition: another plan reads all of it for each step.
  await sql`
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`;
  const [last] = await sql<LogPosition[]>`
    WITH walked AS MATERIALIZED (
      SELECT room_id, seq, at, strpos(payload, ${`"${userId}","username":`}) > 0 AS named FROM log
      WHERE at >= ${from}::timestamptz AND at < ${to}::timestamptz
        AND (room_id, seq) > (${after.room_id}::bigint, ${after.seq}::bigint)
      ORDER BY room_id, seq LIMIT ${step}
    ), renewed AS (
      UPDATE log l SET payload = regexp_replace(regexp_replace(l.payload,
        ${`("user_id":"${id}",)"username":${JSON_STRING}`}, ${"\\1"} || now.username),
        ${`("id":"${id}",)"username":${JSON_STRING},"name":(?:null|${JSON_STRING})`}, ${"\\1"} || now.username || now.name)
      FROM (
        SELECT replace('"username":' || to_json(username)::text, '\\', '\\\\') AS username,
          replace(',"name":' || coalesce(to_json(name)::text, 'null'), '\\', '\\\\') AS name
        FROM users WHERE id = ${userId}
      ) now, walked w
      WHERE w.named AND l.room_id = w.room_id AND l.seq = w.seq AND l.at = w.at
        AND l.at >= ${from}::timestamptz AND l.at < ${to}::timestamptz
        AND strpos(l.payload, ${`"${userId}",`} || now.username) = 0
    )
    SELECT room_id, seq FROM walked ORDER BY room_id DESC, seq DESC LIMIT 1`;
  return last ?? null;
}
