import type { ISql } from "../../platform/postgres/sql.ts";

/** In the table an attempt is a hit. */
export interface Attempt {
  key: string;
  /** Length of the window in ms. */
  windowMs: number;
}

/** Counts one attempt for each key, in one statement (keys in order, so that two never wait for each other). */
export async function countAttempts(
  db: ISql,
  attempts: readonly Attempt[],
): Promise<{ key: string; attempts: number; wait: number }[]> {
  const keys = attempts.map(({ key }) => key);
  const windows = attempts.map(({ windowMs }) => windowMs);
  return db<{ key: string; attempts: number; wait: number }[]>`
    INSERT INTO rate_limits AS r (key, hits, resets_at)
    SELECT key, 1, clock_timestamp() + ms * interval '1 millisecond'
    FROM unnest(${keys}::text[], ${windows}::float8[]) AS h (key, ms) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
      hits = CASE WHEN r.resets_at <= clock_timestamp() THEN 1 ELSE least(r.hits + 1, 1000000) END,
      resets_at = CASE WHEN r.resets_at <= clock_timestamp() THEN excluded.resets_at ELSE r.resets_at END
    RETURNING key, hits AS attempts, (extract(epoch FROM resets_at - clock_timestamp()) * 1000)::float8 AS wait`;
}

/** Undoes the count of one attempt for each key: what succeeded was no guess. */
export async function refundAttempts(db: ISql, keys: readonly string[]): Promise<void> {
  await db`
    UPDATE rate_limits r SET hits = greatest(r.hits - 1, 0)
    FROM (SELECT key FROM rate_limits WHERE key = ANY(${[...keys]}) ORDER BY key FOR UPDATE) k
    WHERE r.key = k.key`;
}

/** Removes at most `max` windows that are over; returns how many. */
export async function deleteExpiredWindows(db: ISql, max: number): Promise<number> {
  const { count } = await db`
    DELETE FROM rate_limits WHERE key = ANY (ARRAY(
      SELECT key FROM rate_limits WHERE resets_at <= clock_timestamp() ORDER BY resets_at LIMIT ${max}))
      AND resets_at <= clock_timestamp()`;
  return count;
}
