import { logPartitions } from "../../platform/log/partitions.ts";
import type { ISql } from "../../platform/postgres/sql.ts";

/** A stretch of time whose entries one statement can go through: one partition of the log. */
export interface LogPart {
  from: string;
  to: string;
}

export function findLogParts(sql: ISql): Promise<LogPart[]> {
  return sql<LogPart[]>`
    SELECT lower::text AS from, upper::text AS to FROM ${logPartitions(sql)} p ORDER BY upper`;
}

/** A string of JSON, as a regular expression. */
const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;

/**
 * Puts the name that a person has now in the place of the one he had, in all entries of this part: who joined, whom a direct chat
 * is with, whose a message was. Quotes inside of what people wrote are escaped, so no text looks like these keys.
 */
export async function renewName(sql: ISql, { from, to }: LogPart, userId: string): Promise<void> {
  const id = userId.replaceAll(".", "\\.");
  await sql`
    UPDATE log l SET payload = regexp_replace(regexp_replace(l.payload,
      ${`("user_id":"${id}",)"username":${TEXT}`}, ${"\\1"} || now.username),
      ${`("id":"${id}",)"username":${TEXT},"name":(?:null|${TEXT})`}, ${"\\1"} || now.username || now.name)
    FROM (
      SELECT replace('"username":' || to_json(username)::text, '\\', '\\\\') AS username,
        replace(',"name":' || coalesce(to_json(name)::text, 'null'), '\\', '\\\\') AS name
      FROM users WHERE id = ${userId}
    ) now
    WHERE l.at >= ${from}::timestamptz AND l.at < ${to}::timestamptz
      AND strpos(l.payload, ${`"${userId}","username":`}) > 0
      AND strpos(l.payload, ${`"${userId}",`} || now.username) = 0`;
}
