import type { ISql, SqlFragment } from "../postgres/sql.ts";

/** Bounds of one window, unless the next checkpoint alone covers more: its consumer holds all of it in memory. */
const MAX_CHECKPOINTS = 50;
const MAX_ENTRIES = 5_000;

/**
 * The id of the checkpoint at which a window from `checkpoint` ends, as an expression; null while none follows. What follows is looked at only
 * as far as a window may reach.
 */
export function windowEnd(sql: ISql, checkpoint: number | SqlFragment): SqlFragment {
  return sql`(
    SELECT max(n.id) FROM (SELECT id, snap FROM ticks WHERE id > ${checkpoint} ORDER BY id LIMIT ${MAX_CHECKPOINTS}) n
    WHERE n.id = (SELECT min(id) FROM ticks WHERE id > ${checkpoint})
      OR pg_snapshot_xmax(n.snap) <= coalesce((
        SELECT l.xid FROM log l WHERE l.xid >= (SELECT pg_snapshot_xmax(snap) FROM ticks WHERE id = ${checkpoint})
        ORDER BY l.xid OFFSET ${MAX_ENTRIES} LIMIT 1), '18446744073709551615'))::float8`;
}

/** The entries that became visible between two checkpoints, as a subquery: those visible in the second and not in the first. */
export function entriesBetween(sql: ISql, from: number, to: number): SqlFragment {
  const [before, after] = [from, to].map((checkpoint) => sql`(SELECT snap FROM ticks WHERE id = ${checkpoint})`);
  // Begun after the first, or still open in it. The snapshots are subqueries of their own: of values that come by a join the planner
  // takes each for a third of the log, and reads all of it.
  return sql`(
    SELECT * FROM log WHERE xid >= pg_snapshot_xmax(${before}) AND xid < pg_snapshot_xmax(${after}) AND pg_visible_in_snapshot(xid, ${after})
    UNION ALL
    SELECT * FROM log WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(${before}))) AND pg_visible_in_snapshot(xid, ${after}))`;
}

/** How many entries there are after a checkpoint, as an expression; those still open in it are not counted, nor more than `max`. */
export function countAfter(sql: ISql, checkpoint: SqlFragment, max: number): SqlFragment {
  return sql`(
    SELECT count(*) FROM (
      SELECT FROM log l WHERE l.xid >= (SELECT pg_snapshot_xmax(t.snap) FROM ticks t WHERE t.id = ${checkpoint}) LIMIT ${max}) counted)`;
}
