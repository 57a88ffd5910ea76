import type { ISql, Sql } from "../postgres/sql.ts";
import type { StoredConsumer } from "./consumer.ts";

/**
 * How far a stored consumer has come: a checkpoint, and what of the window after it. A checkpoint is a row of `ticks`, which `log_tick()`
 * makes; `log_readers` has one row for each stored consumer.
 */
export interface Position {
  checkpoint: number;
  /** The last entry that was handled of the window from the checkpoint to `to`; null: none. */
  within: { to: number; roomId: string; seq: number } | null;
}

/** Another process has moved the position: this batch is not this process's. */
export class PositionConflict extends Error {
  override readonly name = "PositionConflict";
}

/** Makes the consumer's rows the first time. Its start is then fixed: every entry committed after that is delivered. */
export async function createPosition(
  sql: Sql,
  { name, start = "now" }: Pick<StoredConsumer, "name" | "start">,
): Promise<void> {
  await sql.begin(async (tx) => {
    const [known] = await tx`SELECT FROM log_readers WHERE name = ${name}`;
    if (!known) {
      const checkpoint = await findCheckpoint(tx, start);
      await tx`INSERT INTO log_readers (name, tick) VALUES (${name}, ${checkpoint}) ON CONFLICT (name) DO NOTHING`;
    }
    await tx`INSERT INTO log_consumers (name) VALUES (${name}) ON CONFLICT (name) DO NOTHING`;
  });
}

/**
 * The stored checkpoint to begin at, which is then kept. One that was thinned out is replaced by the one before it.
 * @throws Error when the entries since then are no longer stored
 */
export async function findCheckpoint(tx: ISql, start: "oldest" | "now" | number): Promise<number> {
  const [row] =
    start === "oldest"
      ? await tx<{ id: number }[]>`SELECT id::float8 FROM ticks ORDER BY ticks.id LIMIT 1 FOR KEY SHARE`
      : await tx<{ id: number }[]>`
          SELECT id::float8 FROM ticks WHERE ticks.id <= ${start === "now" ? Number.MAX_SAFE_INTEGER : start}
          ORDER BY ticks.id DESC LIMIT 1 FOR KEY SHARE`;
  if (!row) throw new Error(`Checkpoint ${start} is no longer stored. Start at "oldest", or at a later one.`);
  return row.id;
}

/** Null: the consumer was removed. */
export async function loadPosition(sql: ISql, name: string): Promise<Position | null> {
  const [row] = await sql<{ tick: number; to: number | null; room_id: string; seq: number }[]>`
    SELECT tick::float8, CASE WHEN window_from = tick THEN window_to END::float8 AS "to", room_id, seq::float8
    FROM log_readers WHERE name = ${name}`;
  if (!row) return null;
  return {
    checkpoint: row.tick,
    within: row.to === null ? null : { to: row.to, roomId: row.room_id, seq: row.seq },
  };
}

/** Moves the position, in the caller's transaction if there is one. Throws PositionConflict when another process did meanwhile. */
export async function movePosition(sql: ISql, name: string, from: Position, to: Position): Promise<void> {
  const { within } = to;
  const updated = await sql`
    UPDATE log_readers SET tick = ${to.checkpoint}, moved_at = clock_timestamp(),
      window_from = ${within && to.checkpoint}, window_to = ${within?.to ?? null},
      room_id = ${within?.roomId ?? null}, seq = ${within?.seq ?? null}
    WHERE name = ${name} AND tick = ${from.checkpoint}
      AND (CASE WHEN window_from = tick THEN (window_to, room_id, seq) END)
        IS NOT DISTINCT FROM ${
          from.within === null
            ? sql`NULL::record`
            : sql`(${from.within.to}::bigint, ${from.within.roomId}::bigint, ${from.within.seq}::bigint)`
        }`;
  if (updated.count === 0)
    throw new PositionConflict(`Another process moved the position of ${name}; this batch is not ours.`);
}
