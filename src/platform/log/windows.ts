import type { Part, Sql } from "../postgres/sql.ts";
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

/** The entries of one room in a window, by number only: all that most readers need of most of them. */
export interface Places {
  roomId: string;
  room: string;
  /** Ascending. */
  seqs: readonly number[];
}

/** Where something became visible between two ticks. */
export interface PlacesWindow {
  to: number;
  places: readonly Places[];
}

export interface Windows {
  /** All of the window that begins at a tick. */
  after(tick: number): Promise<Window>;
  /** The same window without what its entries say. */
  placesAfter(tick: number): Promise<PlacesWindow>;
  /** What some of the entries between two ticks say: in each room those from the first to the last of `seqs`. */
  entriesAt(from: number, to: number, places: readonly Places[]): Promise<TailEntry[]>;
}

/** The tick that a reader stands at is no longer there (trimmed, or the database went back in time). */
export class TickGone extends Error {
  override readonly name = "TickGone";
}

/** Windows kept for readers that come a little later than the first. */
const KEPT = 4;

/** Fetches windows once per process, whoever asks first: readers that keep pace are handed the same one. */
export function createWindows(sql: Sql): Windows {
  return {
    after: kept((tick) => fetchWindow(sql, tick)),
    placesAfter: kept((tick) => fetchPlaces(sql, tick)),
    entriesAt: (from, to, places) => fetchEntries(sql, from, to, places),
  };
}

function kept<T extends { to: number }>(fetch: (tick: number) => Promise<T>): (tick: number) => Promise<T> {
  const kept = new Map<number, Promise<T>>();
  return (tick) => {
    const known = kept.get(tick);
    if (known) return known;
    const fetched = fetch(tick).then((window) => {
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
  };
}

/** The tick at which the window from `tick` ends; `tick` itself: nothing follows yet. */
async function endOf(sql: Sql, tick: number): Promise<number> {
  const [bounds] = await sql<{ here: boolean; to: number | null }[]>`
    SELECT EXISTS (SELECT FROM ticks WHERE id = ${tick}) AS here, ${windowEnd(sql, tick)} AS "to"`;
  if (!bounds!.here) throw new TickGone(`Tick ${tick} is not there any more.`);
  return bounds!.to ?? tick;
}

async function fetchWindow(sql: Sql, tick: number): Promise<Window> {
  const to = await endOf(sql, tick);
  // Each room by its key: a join of some thousand entries may walk all rooms there are.
  const entries = await sql<TailEntry[]>`
    SELECT (SELECT r.name FROM rooms r WHERE r.id = f.room_id) AS room, ${told(sql)}
    FROM ${entriesBetween(sql, tick, to)} f
    ORDER BY f.room_id, f.seq`;
  return { to, entries };
}

async function fetchPlaces(sql: Sql, tick: number): Promise<PlacesWindow> {
  const to = await endOf(sql, tick);
  const places = await sql<Places[]>`
    SELECT g.room_id AS "roomId", (SELECT r.name FROM rooms r WHERE r.id = g.room_id) AS room, g.seqs FROM (
      SELECT f.room_id, array_agg(f.seq::float8 ORDER BY f.seq) AS seqs FROM ${entriesBetween(sql, tick, to)} f GROUP BY f.room_id
    ) g`;
  return { to, places };
}

async function fetchEntries(sql: Sql, from: number, to: number, places: readonly Places[]): Promise<TailEntry[]> {
  const names = new Map(places.map(({ roomId, room }) => [roomId, room]));
  const bounds = [
    places.map(({ roomId }) => roomId),
    places.map(({ seqs }) => seqs[0]!),
    places.map(({ seqs }) => seqs.at(-1)!),
  ] as const;
  // The last seq too, so that no plan reads a room up to its head.
  const rows = await sql<(TailEntry & { room_id: string })[]>`
    SELECT f.room_id, ${told(sql)}
    FROM unnest(${bounds[0]}::bigint[], ${bounds[1]}::bigint[], ${bounds[2]}::bigint[]) AS w (room_id, first, last)
    JOIN ${entriesBetween(sql, from, to)} f ON f.room_id = w.room_id AND f.seq BETWEEN w.first AND w.last
    ORDER BY f.room_id, f.seq`;
  return rows.map(({ room_id, ...entry }) => ({ ...entry, room: names.get(room_id)! }));
}

/** What an entry `f` of the log says. */
function told(sql: Sql): Part {
  return sql`f.seq::float8, f.type, f.payload, f.meta, extract(epoch FROM f.at)::float8 * 1000 AS at`;
}
