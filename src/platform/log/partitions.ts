import type { ISql, SqlFragment } from "../postgres/sql.ts";

/** The partitions of the log as a subquery: oid, name, lower (the first moment of its entries) and upper (the first after them). */
export function logPartitions(sql: ISql): SqlFragment {
  return sql`(
    SELECT c.oid, c.relname AS name, bounds[1]::timestamptz AS lower, bounds[2]::timestamptz AS upper
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM [(]'([^']+)'[)] TO [(]'([^']+)'[)]$$) AS bounds
    WHERE i.inhparent = 'log'::regclass)`;
}
