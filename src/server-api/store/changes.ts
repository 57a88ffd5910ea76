import { entriesBetween, windowEnd } from "../../platform/log/between.ts";
import { logPartitions } from "../../platform/log/partitions.ts";
import type { Sql } from "../../platform/postgres/sql.ts";
import type { Place } from "../cursor.ts";

/** Bytes of payloads in one answer; at least one entry is told. */
const MOST_BYTES = 4_194_304;

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

/** The newest tick, made now if entries became visible since the last one; `oldest`: the first that is kept. */
export async function ends(sql: Sql): Promise<{ oldest: number; newest: number; epoch: string }> {
  const [row] = await sql<{ oldest: number; newest: number; epoch: string }[]>`
    SELECT log_tick()::float8 AS newest, (SELECT min(id) FROM ticks)::float8 AS oldest, log_epoch() AS epoch`;
  return row!;
}

/**
 * Where the window from this tick ends; the tick itself when nothing came since. A tick that was thinned out is replaced by the one
 * before it, so that its reader sees some entries again and misses none. `whole`: neither the tick nor `end` was thinned out.
 * Null: what came since is no longer kept.
 */
export async function windowFrom(
  sql: Sql,
  tick: number,
  end: number,
): Promise<{ from: number; to: number; whole: boolean } | null> {
  const [row] = await sql<{ from: number | null; to: number | null; end: boolean; kept: boolean }[]>`
    WITH start AS (SELECT id, at FROM ticks WHERE id <= ${tick} ORDER BY id DESC LIMIT 1)
    SELECT (SELECT id FROM start)::float8 AS "from", EXISTS (SELECT FROM ticks WHERE id = ${end}) AS "end",
      ${windowEnd(sql, sql`(SELECT id FROM start)`)} AS "to",
      (SELECT at FROM start) >= (SELECT min(lower) FROM ${logPartitions(sql)} p) AS kept`;
  const { from, to, kept } = row!;
  return from === null || !kept ? null : { from, to: to ?? from, whole: from === tick && row!.end };
}

/** The entries between two ticks that fit, whole rooms one after the other. `more`: the limit or the bytes cut some off. */
export async function between(
  sql: Sql,
  { from, to }: { from: number; to: number },
  behind: Place["within"],
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
        AND (f.room_id, f.seq) > (${behind?.roomId ?? "0"}::bigint, ${behind?.seq ?? 0}::bigint))
    SELECT room, room_id, seq::float8, type, payload, at, total::float8 FROM fitting
    WHERE bytes_before < ${MOST_BYTES} ORDER BY room_id, seq LIMIT ${limit}`;
  return { rows, more: rows.length < (rows[0]?.total ?? 0) };
}
