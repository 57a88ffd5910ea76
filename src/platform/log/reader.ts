import { createLoader } from "../loader.ts";
import type { Sql } from "../postgres/sql.ts";
import type { LogSlice } from "./entry.ts";
import type { Epoch } from "./epoch.ts";

/** Reads of rooms, from the primary. */
export interface LogReader {
  /**
   * The entries of a room after `since`, with the room's head, both of one moment. Not complete, and without entries, when there are
   * more than 1,000 or more than 1 MB of them, when retention took some, or when `since` is beyond the head.
   * A room that nothing was ever appended to has head 0.
   */
  slice(room: string, since: number): Promise<LogSlice>;
  /** The heads of rooms, 0 for a room without entries. */
  heads(rooms: readonly string[]): Promise<Map<string, number>>;
}

const MAX_ENTRIES = 1_000;
const MAX_BYTES = 1_048_576;
const MAX_ROOMS_PER_QUERY = 500;
/** Of all rooms of one query together; what goes beyond is read by a later query, after what other callers wait for. Two such results may be in memory. */
const MAX_BYTES_PER_QUERY = 8 * MAX_BYTES;
const MAX_ENTRIES_PER_QUERY = 8 * MAX_ENTRIES;

interface SliceRequest {
  room: string;
  since: number;
}

/** Reads are batched: a storm of returning clients costs a few queries, a single join costs no delay. */
export function createLogReader({ sql, epoch }: { sql: Sql; epoch: Epoch }): LogReader {
  const load = createLoader<SliceRequest, LogSlice | null>({
    read: (requests) => readSlices(sql, epoch, requests),
    toText: ({ room, since }) => `${since} ${room}`,
    maxBatch: MAX_ROOMS_PER_QUERY,
    inFlight: 2,
  });

  async function slice(room: string, since: number): Promise<LogSlice> {
    for (;;) {
      const slice = await load({ room, since });
      if (slice !== null) return slice;
    }
  }

  return {
    slice,
    async heads(rooms) {
      const slices = await Promise.all(rooms.map((room) => slice(room, Number.MAX_SAFE_INTEGER)));
      return new Map(slices.map(({ room, head }) => [room, head]));
    },
  };
}

interface Row {
  n: number;
  epoch: string;
  head: number;
  seq: number | null;
  type: string;
  payload: string;
}

/** Null for the last ones when all together are too much; the first is always read. */
async function readSlices(sql: Sql, epoch: Epoch, requests: readonly SliceRequest[]): Promise<(LogSlice | null)[]> {
  // What bounds the result is inside of each lateral, so that it bounds what is read: a room whose result would be too long has
  // none of its rows read, and rooms beyond MAX_ENTRIES_PER_QUERY neither. The future's partitions are left out of the plan; an
  // hour's margin, since a row may be younger than this transaction's now().
  const rows = await sql<Row[]>`
    WITH asked AS MATERIALIZED (
      SELECT q.n::int, q.since, r.id, coalesce(r.head, 0) AS head,
        CASE WHEN r.head > q.since AND r.head - q.since <= ${MAX_ENTRIES} THEN r.head - q.since ELSE 0 END AS missed
      FROM unnest(${requests.map((w) => w.room)}::text[], ${requests.map((w) => w.since)}::bigint[]) WITH ORDINALITY AS q(room, since, n)
      LEFT JOIN rooms r ON r.name = q.room),
    within AS (SELECT *, sum(missed) OVER (ORDER BY n) - missed AS missed_before FROM asked)
    SELECT n, (SELECT log_epoch()) AS epoch, head, seq, type, payload FROM (
      SELECT w.n, w.head::float8, l.seq::float8, l.type, l.payload,
        coalesce(sum(octet_length(l.payload)) OVER (ORDER BY w.n), 0) AS bytes_so_far
      FROM within w
      LEFT JOIN LATERAL (
        SELECT e.seq, e.type, e.payload FROM (
          SELECT log.seq, log.type, log.payload, sum(octet_length(log.payload)) OVER () AS bytes FROM log
          WHERE w.missed > 0 AND log.room_id = w.id AND log.seq > w.since AND log.seq <= w.head
            AND log.at < now() + interval '1 hour') e
        WHERE e.bytes <= ${MAX_BYTES}
      ) l ON true
      WHERE w.missed_before < ${MAX_ENTRIES_PER_QUERY}
    ) found WHERE bytes_so_far <= ${MAX_BYTES_PER_QUERY}
    ORDER BY n, seq`;
  epoch.observe(rows[0]!.epoch);
  const returned = requests.slice(0, rows.at(-1)!.n);
  const slices: LogSlice[] = returned.map(({ room }) => ({ room, head: 0, entries: [], complete: false }));
  for (const { n, head, seq, type, payload } of rows) {
    const slice = slices[n - 1]!;
    slice.head = head;
    if (seq !== null) slice.entries.push({ room: slice.room, seq, type, payload });
  }
  slices.forEach((slice, i) => {
    const { since } = requests[i]!;
    slice.complete =
      slice.entries.length === slice.head - since && slice.entries.every(({ seq }, k) => seq === since + 1 + k);
    if (!slice.complete) slice.entries = [];
  });
  return requests.map((_, i) => slices[i] ?? null);
}
