import type { ISql, Sql } from "../postgres/sql.ts";

/**
 * How far a consumer of the whole log has come. A checkpoint is a row of `ticks`, which `log_tick()` makes; `log_readers` has one row
 * for each stored consumer.
 */
export interface Checkpoint {
  /** Where to begin or to go on. */
  load(): Promise<number>;
  /** Moves the checkpoint, in the caller's transaction if there is one. Throws CheckpointConflict when another process did meanwhile. */
  advance(sql: ISql, from: number, to: number): Promise<void>;
}

/** Another process has moved the checkpoint: this batch is not this process's. */
export class CheckpointConflict extends Error {
  override readonly name = "CheckpointConflict";
}

/** Stored in log_readers, under the consumer's name; begins at the present the first time. */
export function createStoredCheckpoint(sql: Sql, name: string): Checkpoint {
  return {
    async load() {
      await sql`
        INSERT INTO log_readers (name, tick) SELECT ${name}, max(id) FROM ticks ON CONFLICT (name) DO NOTHING`;
      const [row] = await sql<{ tick: number }[]>`SELECT tick::float8 FROM log_readers WHERE name = ${name}`;
      return row!.tick;
    },
    async advance(tx, from, to) {
      const updated = await tx`
        UPDATE log_readers SET tick = ${to}, moved_at = clock_timestamp() WHERE name = ${name} AND tick = ${from}`;
      if (updated.count === 0)
        throw new CheckpointConflict(`Another process moved the checkpoint of ${name}; this batch is not ours.`);
    },
  };
}

/** In memory; begins at the present each time. */
export function createMemoryCheckpoint(sql: Sql): Checkpoint {
  return {
    async load() {
      const [row] = await sql<{ tick: number }[]>`SELECT max(id)::float8 AS tick FROM ticks`;
      return row!.tick;
    },
    advance: () => Promise.resolve(),
  };
}
