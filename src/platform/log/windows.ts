import type { Sql } from "../postgres/sql.ts";
import type { LogEntry } from "./entry.ts";

/** An entry as a global reader sees it: with what never goes to clients. */
export interface TailEntry extends LogEntry {
  /** Unix time in ms. */
  at: number;
  /** JSON text {actor, reason, traceparent}, or null. */
  meta: string | null;
}

/** What became visible between two ticks: whole rooms' worth in order of seq, rooms one after the other. */
export interface Window {
  to: number;
  entries: readonly TailEntry[];
}

/** The tick that a reader stands at is no longer there (trimmed, or the database went back in time). */
export class TickGone extends Error {
  override readonly name = "TickGone";
}

const MOST_TICKS = 50;
const MANY_ENTRIES = 5_000;
/** Windows kept for readers that come a little later than the first. */
const KEPT = 4;

/** Fetches windows once per process, whoever asks first: readers that keep pace are handed the same one. */
export function createWindows(sql: Sql): { after(tick: number): Promise<Window> } {
  const kept = new Map<number, Promise<Window>>();
  let ticks = MOST_TICKS;

  return {
    after(tick) {
      const known = kept.get(tick);
      if (known) return known;
      const fetched = fetchWindow(sql, tick, ticks).then((window) => {
        if (window.to === tick) kept.delete(tick); // nothing yet: the next to ask must look again
        // Readers that are behind take many ticks at once, but not so many that a window fills the memory.
        if (window.entries.length > MANY_ENTRIES) ticks = Math.max(1, ticks >> 1);
        else if (window.entries.length < MANY_ENTRIES / 4) ticks = Math.min(MOST_TICKS, ticks * 2);
        return window;
      });
      kept.set(tick, fetched);
      fetched.catch(() => kept.delete(tick));
      for (const old of kept.keys()) {
        if (kept.size <= KEPT) break;
        kept.delete(old);
      }
      return fetched;
    },
  };
}

async function fetchWindow(sql: Sql, tick: number, ticks: number): Promise<Window> {
  const [bounds] = await sql<{ here: boolean; to: number | null }[]>`
    SELECT EXISTS (SELECT FROM ticks WHERE id = ${tick}) AS here,
      (SELECT max(id)::float8 FROM (SELECT id FROM ticks WHERE id > ${tick} ORDER BY id LIMIT ${ticks}) t) AS "to"`;
  if (!bounds!.here) throw new TickGone(`Tick ${tick} is not there any more.`);
  const to = bounds!.to ?? tick;
  // Visible in s2 and not in s1: begun after s1, or still open in it.
  const entries = await sql<TailEntry[]>`
    WITH t AS MATERIALIZED (SELECT a.snap AS s1, b.snap AS s2 FROM ticks a, ticks b WHERE a.id = ${tick} AND b.id = ${to}),
    fresh AS (
      SELECT l.* FROM t, log l
      WHERE l.xid >= pg_snapshot_xmax(s1) AND l.xid < pg_snapshot_xmax(s2) AND pg_visible_in_snapshot(l.xid, s2)
      UNION ALL
      SELECT l.* FROM t, pg_snapshot_xip(s1) AS x(xid), log l WHERE l.xid = x.xid AND pg_visible_in_snapshot(l.xid, s2))
    SELECT r.name AS room, f.seq::float8, f.type, f.payload, f.meta, extract(epoch FROM f.at)::float8 * 1000 AS at
    FROM fresh f JOIN rooms r ON r.id = f.room_id
    ORDER BY f.room_id, f.seq`;
  return { to, entries };
}
