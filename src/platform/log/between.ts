import type { ISql, Part } from "../postgres/sql.ts";

/** Bounds of one window, unless the next tick alone has brought more: its reader holds all of it in memory. */
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
  const [before, after] = [from, to].map((tick) => sql`(SELECT snap FROM ticks WHERE id = ${tick})`);
  // Begun after the first, or still open in it. The snapshots are subqueries of their own: of values that come by a join the planner
  // takes each for a third of the log, and reads all of it.
  return sql`(
    SELECT * FROM log WHERE xid >= pg_snapshot_xmax(${before}) AND xid < pg_snapshot_xmax(${after}) AND pg_visible_in_snapshot(xid, ${after})
    UNION ALL
    SELECT * FROM log WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(${before}))) AND pg_visible_in_snapshot(xid, ${after}))`;
}
