import type { Sql } from "../postgres/sql.ts";
import { entriesBetween, windowEnd } from "./between.ts";
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

/** Windows kept for readers that come a little later than the first. */
const KEPT = 4;

/** Fetches windows once per process, whoever asks first: readers that keep pace are handed the same one. */
export function createWindows(sql: Sql): { after(tick: number): Promise<Window> } {
  const kept = new Map<number, Promise<Window>>();

  return {
    after(tick) {
      const known = kept.get(tick);
      if (known) return known;
      const fetched = fetchWindow(sql, tick).then((window) => {
        if (window.to === tick) kept.delete(tick); // nothing yet: the next to ask must look again
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

async function fetchWindow(sql: Sql, tick: number): Promise<Window> {
  const [bounds] = await sql<{ here: boolean; to: number | null }[]>`
    SELECT EXISTS (SELECT FROM ticks WHERE id = ${tick}) AS here, ${windowEnd(sql, tick)} AS "to"`;
  if (!bounds!.here) throw new TickGone(`Tick ${tick} is not there any more.`);
  const to = bounds!.to ?? tick;
  // Each room by its key: a join of some thousand entries may walk all rooms there are.
  const entries = await sql<TailEntry[]>`
    SELECT (SELECT r.name FROM rooms r WHERE r.id = f.room_id) AS room, f.seq::float8, f.type, f.payload, f.meta, extract(epoch FROM f.at)::float8 * 1000 AS at
    FROM ${entriesBetween(sql, tick, to)} f
    ORDER BY f.room_id, f.seq`;
  return { to, entries };
}
