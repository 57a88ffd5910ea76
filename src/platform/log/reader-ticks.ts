import type { ISql, Sql } from "../postgres/sql.ts";

/** How far a reader of the whole log has come: the id of a tick. */
export interface ReaderTick {
  /** Where to begin or to go on. */
  load(): Promise<number>;
  /** Moves on, in the caller's transaction if there is one. Throws ReaderMoved when somebody else did meanwhile. */
  move(sql: ISql, from: number, to: number): Promise<void>;
}

/** Another process has moved the reader: the batch at hand is not this one's. */
export class ReaderMoved extends Error {
  override readonly name = "ReaderMoved";
}

/** Kept in log_readers, under the reader's name; begins at the present the first time. */
export function storedTick(sql: Sql, name: string): ReaderTick {
  return {
    async load() {
      await sql`
        INSERT INTO log_readers (name, tick) SELECT ${name}, max(id) FROM ticks ON CONFLICT (name) DO NOTHING`;
      const [row] = await sql<{ tick: number }[]>`SELECT tick::float8 FROM log_readers WHERE name = ${name}`;
      return row!.tick;
    },
    async move(tx, from, to) {
      const moved = await tx`
        UPDATE log_readers SET tick = ${to}, moved_at = clock_timestamp() WHERE name = ${name} AND tick = ${from}`;
      if (moved.count === 0) throw new ReaderMoved(`Another process moved the reader ${name}; this batch is not ours.`);
    },
  };
}

/** Kept in memory; begins at the present each time. */
export function presentTick(sql: Sql): ReaderTick {
  return {
    async load() {
      const [row] = await sql<{ tick: number }[]>`SELECT max(id)::float8 AS tick FROM ticks`;
      return row!.tick;
    },
    move: () => Promise.resolve(),
  };
}
