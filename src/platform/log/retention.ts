import { setTimeout as sleep } from "node:timers/promises";
import { sqlState } from "../postgres/failures.ts";
import type { Sql } from "../postgres/sql.ts";
import { logPartitions } from "./partitions.ts";

/** What one pass did. `held`: the oldest partition should go, but this stored reader has not passed it: an alarm. */
export interface RetentionReport {
  made: number;
  dropped: string[];
  held: { partition: string; reader: string } | null;
}

interface Limits {
  /** LOG_RETENTION: entries older than this go, partition by partition (6 h). */
  retentionMs: number;
  /** LOG_MAX_BYTES: above this the oldest partitions go sooner. The present one always stays. */
  maxBytes: number;
}

/** Partitions that stand ready; 42 hours in which no pass need succeed. */
const AHEAD = 7;
/** Ticks younger than this stay for readers that keep their position in memory. */
const TICKS_KEPT = "1 hour";
/** Of those that are older one stays for each such time: readers outside come back to the one before theirs. */
const TICKS_APART = "5 minutes";
/** And one of so many: between two that stay lies never more than a window can hold (./between.ts). */
const TICKS_TOGETHER = 25;
const PASS_EVERY_MS = 3_600_000;
const TRIES = 20;

/**
 * Keeps partitions ahead and drops the old ones. Resolves after the first pass, so that whoever writes next finds a partition.
 * @param onPass told of every later pass, so that one that is held up can be made known
 */
export async function startRetention({
  sql,
  onPass,
  onError,
  limits,
}: {
  sql: Sql;
  /** Asked at every pass: they may change. */
  limits: () => Limits;
  onPass: (report: RetentionReport) => void;
  onError: (error: unknown) => void;
}): Promise<{ stop(): Promise<void> }> {
  onPass(await passRetention(sql, limits()));
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(() => passRetention(sql, limits())).then(onPass, onError);
  }, PASS_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      return running;
    },
  };
}

/** One pass: make what is missing ahead, drop what is old or too much, trim ticks. Any node may do it at any time. */
export async function passRetention(sql: Sql, limits: Limits): Promise<RetentionReport> {
  const [row] = await sql<{ made: number }[]>`SELECT log_make_partitions(${AHEAD}) AS made`;
  const report: RetentionReport = { made: row!.made, dropped: [], held: null };
  for (const partition of await surplus(sql, limits)) {
    const reader = await dropWhenPassed(sql, partition);
    if (reader !== null) {
      report.held = { partition, reader };
      break;
    }
    report.dropped.push(partition);
  }
  await sql`
    DELETE FROM ticks WHERE id IN (
        SELECT id FROM (
          SELECT id, at, row_number() OVER (PARTITION BY date_bin(${TICKS_APART}::interval, at, '2000-01-01 00:00+00') ORDER BY id) AS n
          FROM ticks WHERE at < clock_timestamp() - ${TICKS_KEPT}::interval) old
        WHERE (n > 1 AND id % ${TICKS_TOGETHER} <> 0) OR at < clock_timestamp() - ${limits.retentionMs} * interval '1 ms')
      AND id < (SELECT max(id) FROM ticks) AND id < (SELECT coalesce(min(tick), 9223372036854775807) FROM log_readers)`;
  return report;
}

/** Past partitions that are too old, or beyond the bytes counted from the newest; the oldest first. */
async function surplus(sql: Sql, { retentionMs, maxBytes }: Limits): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    WITH sized AS (
      SELECT name, upper, sum(pg_total_relation_size(oid)) OVER (ORDER BY upper DESC) AS bytes_to_here
      FROM ${logPartitions(sql)} p)
    SELECT name FROM sized
    WHERE upper < clock_timestamp() - interval '1 minute' -- nobody writes to it any more, slow transactions included
      AND (upper < clock_timestamp() - ${retentionMs} * interval '1 ms' OR bytes_to_here > ${maxBytes})
    ORDER BY upper`;
  return rows.map(({ name }) => name);
}

/**
 * Drops a partition unless a stored reader has still to see something of it; then answers that reader's name.
 * The lock is asked for 100 ms at a time: a drop that waits behind one long read would stall every append.
 */
async function dropWhenPassed(sql: Sql, partition: string): Promise<string | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sql.begin("isolation level read committed", async (tx) => {
        await tx`SET LOCAL lock_timeout = '100ms'`;
        await tx`LOCK TABLE ${tx(partition)} IN SHARE MODE`; // waits for a last writer, whose rows count too
        const [behind] = await tx<{ name: string }[]>`
          SELECT r.name FROM log_readers r JOIN ticks t ON t.id = r.tick
          WHERE pg_snapshot_xmin(t.snap) <= (SELECT max(xid) FROM ${tx(partition)}) ORDER BY r.tick LIMIT 1`;
        if (behind) return behind.name;
        await tx`DROP TABLE ${tx(partition)}`;
        return null;
      });
    } catch (error) {
      if (sqlState(error) !== "55P03" || attempt === TRIES) throw error;
      await sleep(50 + Math.random() * 200 * attempt);
    }
  }
}
