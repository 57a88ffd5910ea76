import { isWriteRefused } from "./database-errors.ts";
import type { Sql } from "./sql.ts";

/** Whether the database accepts writes: one whose disk is full, or that is read-only, still runs queries. */
export interface WriteProbe {
  /** Called with every error that PostgreSQL returns. */
  handleError(error: unknown): void;
  /**
   * As far as this node knows: it does until it refuses something. From then on each check also starts a test write, which is rolled
   * back; a later check returns its result.
   */
  isWritable(sql: Sql): boolean;
}

/** ms between two test writes. */
const PROBE_INTERVAL_MS = 1_000;

/** @param onChange called at the first refusal, with its text, and when it accepts writes again (null) */
export function createWriteProbe(onChange: (refusal: unknown) => void): WriteProbe {
  let acceptsWrites = true;
  let probedAt = Number.NEGATIVE_INFINITY;

  async function probe(sql: Sql): Promise<void> {
    probedAt = performance.now();
    try {
      await sql.begin(async (tx) => {
        // More than any page of the log has left, so that its file has to grow.
        await tx`INSERT INTO log (room_id, seq, at, type, payload)
          SELECT 0, n, clock_timestamp(), 'probe', repeat('x', 1900) FROM generate_series(1, 64) AS n`;
        throw ROLLED_BACK;
      });
    } catch (error) {
      if (error !== ROLLED_BACK || acceptsWrites) return;
      acceptsWrites = true;
      onChange(null);
    }
  }

  return {
    handleError(error) {
      if (!acceptsWrites || !isWriteRefused(error)) return;
      acceptsWrites = false;
      onChange(error);
    },
    isWritable(sql) {
      if (!acceptsWrites && performance.now() - probedAt > PROBE_INTERVAL_MS) void probe(sql);
      return acceptsWrites;
    },
  };
}

const ROLLED_BACK = new Error("The write was a test.");
