import { cannotWrite } from "./failures.ts";
import type { Sql } from "./sql.ts";

/** Whether the database takes what is written: one whose disk is full, or that is read-only, goes on answering questions. */
export interface Writable {
  /** Told of every error that PostgreSQL answers. */
  heard(error: unknown): void;
  /**
   * As far as this node knows: it does until it refuses something. From then on each look also asks, by a write that is taken back;
   * a later look tells the answer.
   */
  check(sql: Sql): boolean;
}

/** ms between two writes that ask. */
const ASK_EVERY = 1_000;

/** @param onChange told when it refuses the first thing, with what it said, and when it takes writes again (null) */
export function createWritable(onChange: (refusal: unknown) => void): Writable {
  let takes = true;
  let askedAt = Number.NEGATIVE_INFINITY;

  async function ask(sql: Sql): Promise<void> {
    askedAt = performance.now();
    try {
      await sql.begin(async (tx) => {
        // More than any page of the log has left, so that its file has to grow.
        await tx`INSERT INTO log (room_id, seq, at, type, payload)
          SELECT 0, n, clock_timestamp(), 'probe', repeat('x', 1900) FROM generate_series(1, 64) AS n`;
        throw TAKEN_BACK;
      });
    } catch (error) {
      if (error !== TAKEN_BACK || takes) return;
      takes = true;
      onChange(null);
    }
  }

  return {
    heard(error) {
      if (!takes || !cannotWrite(error)) return;
      takes = false;
      onChange(error);
    },
    check(sql) {
      if (!takes && performance.now() - askedAt > ASK_EVERY) void ask(sql);
      return takes;
    },
  };
}

const TAKEN_BACK = new Error("The write was a question.");
