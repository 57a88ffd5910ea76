import type { Sql, SqlFragment } from "../postgres/sql.ts";
import { entriesBetween, windowEnd } from "./between.ts";
import type { LogEntry } from "./entry.ts";

/** An entry as a consumer of the whole log sees it: with what never goes to clients. */
export interface TailEntry extends LogEntry {
  /** Unix time in ms. */
  at: number;
  /** JSON text {actor, reason, traceparent}, or null. */
  meta: string | null;
}

/** What became visible between two checkpoints: whole rooms' worth in order of seq, rooms one after the other. */
export interface LogWindow {
  to: number;
  entries: readonly TailEntry[];
}

/** The entries of one room in a window, by number only: all that most consumers need of most of them. */
export interface RoomSeqs {
  roomId: string;
  room: string;
  /** Ascending. */
  seqs: readonly number[];
}

/** Which entries became visible between two checkpoints. */
export interface SeqsWindow {
  to: number;
  rooms: readonly RoomSeqs[];
}

export interface WindowCache {
  /** All of the window that begins at a checkpoint. */
  after(checkpoint: number): Promise<LogWindow>;
  /** The same window without payloads. */
  seqsAfter(checkpoint: number): Promise<SeqsWindow>;
  /** Some of the entries between two checkpoints with their payloads: in each room those from the first to the last of `seqs`. */
  entriesAt(from: number, to: number, rooms: readonly RoomSeqs[]): Promise<TailEntry[]>;
}

/** The checkpoint of a consumer is no longer there (trimmed, or the database went back in time). */
export class CheckpointGone extends Error {
  override readonly name = "CheckpointGone";
}

/** Windows cached for consumers that come a little later than the first. */
const MAX_CACHED = 4;

/** Fetches windows once per process, for the first that needs it: consumers that keep pace get the same one. */
export function createWindowCache(sql: Sql): WindowCache {
  return {
    after: cacheByCheckpoint((checkpoint) => fetchWindow(sql, checkpoint)),
    seqsAfter: cacheByCheckpoint((checkpoint) => fetchSeqs(sql, checkpoint)),
    entriesAt: (from, to, rooms) => fetchEntries(sql, from, to, rooms),
  };
}

function cacheByCheckpoint<T extends { to: number }>(
  fetch: (checkpoint: number) => Promise<T>,
): (checkpoint: number) => Promise<T> {
  const cached = new Map<number, Promise<T>>();
  return (checkpoint) => {
    const known = cached.get(checkpoint);
    if (known) return known;
    const fetched = fetch(checkpoint).then((window) => {
      if (window.to === checkpoint) cached.delete(checkpoint); // nothing yet: the next caller must query again
      return window;
    });
    cached.set(checkpoint, fetched);
    fetched.catch(() => cached.delete(checkpoint));
    for (const old of cached.keys()) {
      if (cached.size <= MAX_CACHED) break;
      cached.delete(old);
    }
    return fetched;
  };
}

/** The checkpoint at which the window from `checkpoint` ends; `checkpoint` itself: nothing follows yet. */
async function findWindowEnd(sql: Sql, checkpoint: number): Promise<number> {
  const [bounds] = await sql<{ here: boolean; to: number | null }[]>`
    SELECT EXISTS (SELECT FROM ticks WHERE id = ${checkpoint}) AS here, ${windowEnd(sql, checkpoint)} AS "to"`;
  if (!bounds!.here) throw new CheckpointGone(`Checkpoint ${checkpoint} is not there any more.`);
  return bounds!.to ?? checkpoint;
}

async function fetchWindow(sql: Sql, checkpoint: number): Promise<LogWindow> {
  const to = await findWindowEnd(sql, checkpoint);
  // Each room by its key: a join of some thousand entries may walk all rooms there are.
  const entries = await sql<TailEntry[]>`
    SELECT (SELECT r.name FROM rooms r WHERE r.id = f.room_id) AS room, ${entryColumns(sql)}
    FROM ${entriesBetween(sql, checkpoint, to)} f
    ORDER BY f.room_id, f.seq`;
  return { to, entries };
}

async function fetchSeqs(sql: Sql, checkpoint: number): Promise<SeqsWindow> {
  const to = await findWindowEnd(sql, checkpoint);
  const rooms = await sql<RoomSeqs[]>`
    SELECT g.room_id AS "roomId", (SELECT r.name FROM rooms r WHERE r.id = g.room_id) AS room, g.seqs FROM (
      SELECT f.room_id, array_agg(f.seq::float8 ORDER BY f.seq) AS seqs FROM ${entriesBetween(sql, checkpoint, to)} f GROUP BY f.room_id
    ) g`;
  return { to, rooms };
}

async function fetchEntries(sql: Sql, from: number, to: number, rooms: readonly RoomSeqs[]): Promise<TailEntry[]> {
  const names = new Map(rooms.map(({ roomId, room }) => [roomId, room]));
  const bounds = [
    rooms.map(({ roomId }) => roomId),
    rooms.map(({ seqs }) => seqs[0]!),
    rooms.map(({ seqs }) => seqs.at(-1)!),
  ] as const;
  // The last seq too, so that no plan reads a room up to its head.
  const rows = await sql<(TailEntry & { room_id: string })[]>`
    SELECT f.room_id, ${entryColumns(sql)}
    FROM unnest(${bounds[0]}::bigint[], ${bounds[1]}::bigint[], ${bounds[2]}::bigint[]) AS w (room_id, first, last)
    JOIN ${entriesBetween(sql, from, to)} f ON f.room_id = w.room_id AND f.seq BETWEEN w.first AND w.last
    ORDER BY f.room_id, f.seq`;
  return rows.map(({ room_id, ...entry }) => ({ ...entry, room: names.get(room_id)! }));
}

/** The columns of an entry `f` of the log. */
export function entryColumns(sql: Sql): SqlFragment {
  return sql`f.seq::float8, f.type, f.payload, f.meta, extract(epoch FROM f.at)::float8 * 1000 AS at`;
}
