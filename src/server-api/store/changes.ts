import { entriesBetween, windowEnd } from "../../platform/log/between.ts";
import { logPartitions } from "../../platform/log/partitions.ts";
import type { Sql } from "../../platform/postgres/sql.ts";
import type { LogCursor } from "../cursor.ts";

/** Bytes of payloads in one response; at least one entry is returned. */
const MAX_BYTES = 4_194_304;

export interface ChangeRow {
  room: string;
  room_id: string;
  seq: number;
  type: string;
  payload: string;
  at: Date;
}

export interface Filter {
  /** Patterns of LIKE. */
  rooms: readonly string[];
  /** Null: all. */
  types: readonly string[] | null;
}

/** The newest checkpoint, made now if entries became visible since the last one; `oldest`: the first that is stored. */
export async function readBounds(sql: Sql): Promise<{ oldest: number; newest: number; epoch: string }> {
  const [row] = await sql<{ oldest: number; newest: number; epoch: string }[]>`
    SELECT log_tick()::float8 AS newest, (SELECT min(id) FROM ticks)::float8 AS oldest, log_epoch() AS epoch`;
  return row!;
}

/**
 * Where the window from this checkpoint ends; the checkpoint itself when nothing came since. A checkpoint that was thinned out is
 * replaced by the one before it, so that its consumer sees some entries again and misses none. `isIntact`: neither the checkpoint
 * nor `end` was thinned out. Null: the entries since then are no longer stored.
 */
export async function findWindow(
  sql: Sql,
  checkpoint: number,
  end: number,
): Promise<{ from: number; to: number; isIntact: boolean } | null> {
  const [row] = await sql<{ from: number | null; to: number | null; end: boolean; stored: boolean }[]>`
    WITH start AS (SELECT id, at FROM ticks WHERE id <= ${checkpoint} ORDER BY id DESC LIMIT 1)
    SELECT (SELECT id FROM start)::float8 AS "from", EXISTS (SELECT FROM ticks WHERE id = ${end}) AS "end",
      ${windowEnd(sql, sql`(SELECT id FROM start)`)} AS "to",
      (SELECT at FROM start) >= (SELECT min(lower) FROM ${logPartitions(sql)} p) AS stored`;
  const { from, to, stored } = row!;
  return from === null || !stored ? null : { from, to: to ?? from, isIntact: from === checkpoint && row!.end };
}

/** The entries between two checkpoints that fit, whole rooms one after the other. `more`: there are more beyond the limit or the bytes. */
export async function readWindow(
  sql: Sql,
  { from, to }: { from: number; to: number },
  after: LogCursor["partialWindow"],
  { rooms, types }: Filter,
  limit: number,
): Promise<{ rows: ChangeRow[]; more: boolean }> {
  const rows = await sql<(ChangeRow & { total: number })[]>`
    WITH fitting AS (
      SELECT r.name AS room, f.room_id, f.seq, f.type, f.payload, f.at,
        count(*) OVER () AS total,
        sum(octet_length(f.payload)) OVER (ORDER BY f.room_id, f.seq) - octet_length(f.payload) AS bytes_before
      FROM ${entriesBetween(sql, from, to)} f JOIN rooms r ON r.id = f.room_id
      WHERE r.name NOT LIKE '\\_%' AND r.name LIKE ANY (${rooms}::text[])
        AND (${types === null} OR f.type LIKE ANY (${types ?? []}::text[]))
        AND (f.room_id, f.seq) > (${after?.roomId ?? "0"}::bigint, ${after?.seq ?? 0}::bigint))
    SELECT room, room_id, seq::float8, type, payload, at, total::float8 FROM fitting
    WHERE bytes_before < ${MAX_BYTES} ORDER BY room_id, seq LIMIT ${limit}`;
  return { rows, more: rows.length < (rows[0]?.total ?? 0) };
}
