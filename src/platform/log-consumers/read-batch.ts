import { entriesBetween, windowEnd } from "../log/between.ts";
import { CheckpointGone, entryColumns } from "../log/windows.ts";
import type { ISql, Sql, SqlFragment } from "../postgres/sql.ts";
import type { ConsumerEntry, ConsumerFilter } from "./consumer.ts";
import type { Position } from "./position.ts";

interface Wanted {
  /** Of the consumer. */
  name: string;
  filter: ConsumerFilter;
  maxRows: number;
  maxBytes: number;
}

/**
 * The next entries that a consumer wants, as many as fit, and its position after them. None, at the same position: nothing is new.
 * `version`: of the consumer's last command; null: it was removed.
 * A batch lies within one window between two checkpoints; one that does not hold all of it ends at an entry.
 */
export async function readBatch(
  sql: Sql,
  position: Position,
  { name, filter, maxRows, maxBytes }: Wanted,
): Promise<{ entries: ConsumerEntry[]; next: Position; version: number | null }> {
  const { checkpoint, within } = position;
  const [bounds] = await sql<{ here: boolean; to: number | null; epoch: string; version: number | null }[]>`
    SELECT EXISTS (SELECT FROM ticks WHERE id = ${checkpoint}) AS here, log_epoch() AS epoch,
      (SELECT version FROM log_consumers WHERE name = ${name})::float8 AS version,
      ${within === null ? windowEnd(sql, checkpoint) : sql`${within.to}::float8`} AS "to"`;
  const { here, to, epoch, version } = bounds!;
  if (!here) throw new CheckpointGone(`Checkpoint ${checkpoint} is not there any more.`);
  if (to === null) return { entries: [], next: position, version };
  const rows = await sql<(Omit<ConsumerEntry, "epoch"> & { room_id: string; total: number })[]>`
    SELECT (SELECT r.name FROM rooms r WHERE r.id = f.room_id) AS room, f.room_id, ${entryColumns(sql)}, f.total::float8
    FROM (
      SELECT s.*, row_number() OVER w AS n, sum(s.bytes) OVER w AS bytes_to_here, count(*) OVER () AS total
      FROM (
        SELECT e.*, octet_length(e.payload) + coalesce(octet_length(e.meta), 0) AS bytes
        FROM ${entriesBetween(sql, checkpoint, to)} e
        WHERE ${isWanted(sql, filter)} AND (e.room_id, e.seq) > (${within?.roomId ?? "-1"}::bigint, ${within?.seq ?? 0}::bigint)
        ORDER BY e.room_id, e.seq LIMIT ${maxRows + 1}) s
      WINDOW w AS (ORDER BY s.room_id, s.seq ROWS UNBOUNDED PRECEDING)) f
    WHERE f.n <= ${maxRows} AND (f.n = 1 OR f.bytes_to_here <= ${maxBytes})
    ORDER BY f.room_id, f.seq`;
  const last = rows.at(-1);
  const isCut = last !== undefined && rows.length < last.total;
  return {
    entries: rows.map(({ room, seq, type, payload, meta, at }) => ({ room, seq, type, payload, meta, at, epoch })),
    next: isCut
      ? { checkpoint, within: { to, roomId: last.room_id, seq: last.seq } }
      : { checkpoint: to, within: null },
    version,
  };
}

/** The condition of a filter on an entry `e`. Each room by its key: a join of some thousand entries may walk all rooms there are. */
function isWanted(sql: ISql, { types, roomKinds }: ConsumerFilter): SqlFragment {
  const room = (condition: SqlFragment) => sql`(SELECT ${condition} FROM rooms r WHERE r.id = e.room_id)`;
  const inKinds =
    roomKinds === undefined
      ? room(sql`left(r.name, 1) <> '_'`)
      : room(sql`split_part(r.name, ':', 1) = ANY (${[...roomKinds]}::text[])`);
  return types === undefined ? inKinds : sql`e.type = ANY (${[...types]}::text[]) AND ${inKinds}`;
}
