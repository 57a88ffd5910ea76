import type { ISql, Part } from "../postgres/sql.ts";

/** One window, unless the next tick alone has brought more: whoever reads it has all of it in memory. */
const MAX_TICKS = 50;
const MAX_ENTRIES = 5_000;

/**
 * The id of the tick at which a window from `tick` ends, as an expression; null while no tick follows. What follows is looked at only
 * as far as a window may reach.
 */
export function windowEnd(sql: ISql, tick: number | Part): Part {
  return sql`(
    SELECT max(n.id) FROM (SELECT id, snap FROM ticks WHERE id > ${tick} ORDER BY id LIMIT ${MAX_TICKS}) n
    WHERE n.id = (SELECT min(id) FROM ticks WHERE id > ${tick})
      OR pg_snapshot_xmax(n.snap) <= coalesce((
        SELECT l.xid FROM log l WHERE l.xid >= (SELECT pg_snapshot_xmax(snap) FROM ticks WHERE id = ${tick})
        ORDER BY l.xid OFFSET ${MAX_ENTRIES} LIMIT 1), '18446744073709551615'))::float8`;
}

/** The entries that became visible between two ticks, as a subquery: those visible in the second and not in the first. */
export function entriesBetween(sql: ISql, from: number, to: number): Part {
  // Begun after the first, or still open in it.
  return sql`(
    WITH t AS MATERIALIZED (SELECT a.snap AS s1, b.snap AS s2 FROM ticks a, ticks b WHERE a.id = ${from} AND b.id = ${to})
    SELECT l.* FROM t, log l
    WHERE l.xid >= pg_snapshot_xmax(s1) AND l.xid < pg_snapshot_xmax(s2) AND pg_visible_in_snapshot(l.xid, s2)
    UNION ALL
    SELECT l.* FROM t, pg_snapshot_xip(s1) AS x(xid), log l WHERE l.xid = x.xid AND pg_visible_in_snapshot(l.xid, s2))`;
}
