import { setTimeout as sleep } from "node:timers/promises";
import { findLagging, markBehindRetention, releaseHeld } from "../log-consumers/behind-retention.ts";
import { deleteParked } from "../log-consumers/parked.ts";
import { sqlState } from "../postgres/database-errors.ts";
import type { Sql } from "../postgres/sql.ts";
import { logPartitions } from "./partitions.ts";

/**
 * What one pass did. `blocked`: the oldest partition should go, but this stored consumer has not passed it: an alarm.
 * `behindRetention`: stored consumers that the log went on without, since they held it for too long.
 */
export interface RetentionReport {
  made: number;
  dropped: string[];
  behindRetention: string[];
  blocked: { partition: string; consumer: string } | null;
}

interface Limits {
  /** LOG_RETENTION: entries older than this go, partition by partition (6 h); those that a stored consumer has not seen, after twice this. */
  retentionMs: number;
  /** LOG_MAX_BYTES: above this the oldest partitions go sooner, seen by all consumers or not. The present one always stays. */
  maxBytes: number;
}

/** Partitions that are made ahead; 42 hours in which no pass need succeed. One runs at each start, and every hour as a job. */
const PARTITIONS_AHEAD = 7;
/** Checkpoints younger than this stay for consumers that keep their position in memory. */
const CHECKPOINTS_KEPT = "1 hour";
/** Of those that are older one stays for each such time: external consumers come back to the one before theirs. */
const CHECKPOINT_INTERVAL = "5 minutes";
/** And one of so many: between two that stay lies never more than a window can hold (./between.ts). */
const CHECKPOINT_STRIDE = 25;
/** A stored consumer holds entries until they are so many times as old as they otherwise become. */
const HELD_RETENTIONS = 2;
/** What consumers parked stays so long. */
const PARKED_KEPT_DAYS = 30;
const MAX_TRIES = 20;

/** One pass: make what is missing ahead, drop what is old or too much, trim checkpoints. Any node may do it at any time. */
export async function runRetentionPass(sql: Sql, limits: Limits): Promise<RetentionReport> {
  const [row] = await sql<{ made: number }[]>`SELECT log_make_partitions(${PARTITIONS_AHEAD}) AS made`;
  const report: RetentionReport = { made: row!.made, dropped: [], behindRetention: [], blocked: null };
  await releaseHeld(sql);
  for (const { name, mustGo } of await findSurplus(sql, limits)) {
    const lagging = await drop(sql, name, mustGo);
    if (lagging.length > 0 && !mustGo) {
      report.blocked = { partition: name, consumer: lagging[0]! };
      break;
    }
    report.behindRetention.push(...lagging);
    report.dropped.push(name);
  }
  await sql`
    DELETE FROM ticks WHERE id IN (
        SELECT id FROM (
          SELECT id, at, row_number() OVER (PARTITION BY date_bin(${CHECKPOINT_INTERVAL}::interval, at, '2000-01-01 00:00+00') ORDER BY id) AS n
          FROM ticks WHERE at < clock_timestamp() - ${CHECKPOINTS_KEPT}::interval) old
        WHERE (n > 1 AND id % ${CHECKPOINT_STRIDE} <> 0) OR at < clock_timestamp() - ${limits.retentionMs} * interval '1 ms')
      AND id < (SELECT max(id) FROM ticks) AND id < (SELECT coalesce(min(tick), 9223372036854775807) FROM log_readers)`;
  await deleteParked(sql, PARKED_KEPT_DAYS);
  return report;
}

/** Past partitions that are too old, or beyond the bytes counted from the newest; the oldest first. */
async function findSurplus(sql: Sql, { retentionMs, maxBytes }: Limits): Promise<{ name: string; mustGo: boolean }[]> {
  return await sql<{ name: string; mustGo: boolean }[]>`
    WITH sized AS (
      SELECT name, upper, sum(pg_total_relation_size(oid)) OVER (ORDER BY upper DESC) AS bytes_to_here
      FROM ${logPartitions(sql)} p)
    SELECT name, upper < clock_timestamp() - ${HELD_RETENTIONS * retentionMs} * interval '1 ms' OR bytes_to_here > ${maxBytes} AS "mustGo"
    FROM sized
    WHERE upper < clock_timestamp() - interval '1 minute' -- no transaction writes to it any more, not even a slow one
      AND (upper < clock_timestamp() - ${retentionMs} * interval '1 ms' OR bytes_to_here > ${maxBytes})
    ORDER BY upper`;
}

/**
 * Drops a partition, unless stored consumers have still to see something of it and it need not go; returns their names. Those of one that
 * must go are then behind retention.
 * The lock is waited for 100 ms at a time: a drop that waits for one long read would stall every append.
 */
async function drop(sql: Sql, partition: string, mustGo: boolean): Promise<string[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sql.begin("isolation level read committed", async (tx) => {
        await tx`SET LOCAL lock_timeout = '100ms'`;
        await tx`LOCK TABLE ${tx(partition)} IN SHARE MODE`; // waits for a last writer, whose rows count too
        const lagging = await findLagging(tx, partition);
        if (lagging.length > 0 && !mustGo) return lagging;
        await markBehindRetention(tx, lagging);
        await tx`DROP TABLE ${tx(partition)}`;
        return lagging;
      });
    } catch (error) {
      if (sqlState(error) !== "55P03" || attempt === MAX_TRIES) throw error;
      await sleep(50 + Math.random() * 200 * attempt);
    }
  }
}
