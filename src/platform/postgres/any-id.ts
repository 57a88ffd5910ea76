import type { ISql, SqlFragment } from "./sql.ts";

/** A number of any length, from outside, as a bigint that an index can be searched for: one beyond all ids becomes the maximum. */
export function clampId(sql: ISql, digits: string): SqlFragment {
  return sql`least(${digits}::numeric, 9223372036854775807)::bigint`;
}
