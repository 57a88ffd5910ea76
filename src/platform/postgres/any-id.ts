import type { ISql, Part } from "./sql.ts";

/** A number of any length, from outside, as a bigint that an index can be asked for: one that is beyond all ids is the last. */
export function anyId(sql: ISql, digits: string): Part {
  return sql`least(${digits}::numeric, 9223372036854775807)::bigint`;
}
