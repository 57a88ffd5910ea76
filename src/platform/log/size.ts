import type { ISql } from "../postgres/sql.ts";

/** Bytes of the log with its indexes, and how many partitions stand ready after the present one. */
export async function logSize(sql: ISql): Promise<{ bytes: number; partitionsAhead: number }> {
  const [row] = await sql<{ bytes: number; ahead: number }[]>`
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS bytes,
      count(*) FILTER (WHERE (regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM [(]'([^']+)'[)]$$))[1]::timestamptz
        > clock_timestamp())::float8 AS ahead
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'log'::regclass`;
  return { bytes: row!.bytes, partitionsAhead: row!.ahead };
}
