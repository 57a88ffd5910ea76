import { countAfter } from "../log/between.ts";
import type { ISql } from "../postgres/sql.ts";

/** A stored consumer, as the database has it. */
export interface ConsumerStatus {
  name: string;
  isPaused: boolean;
  /** Whether the log went on without it; then it has no lag. */
  isBehindRetention: boolean;
  /** Whether a node runs it. */
  isOwned: boolean;
  /** Seconds since the first entry that it has not handled became visible; 0: it has handled all. */
  lagSeconds: number;
  /** Entries of the log since its position, before its filter; counted to 100,000. */
  lagEntries: number;
  parked: number;
}

const MAX_COUNTED = 100_000;

export function listConsumers(sql: ISql): Promise<ConsumerStatus[]> {
  return sql<ConsumerStatus[]>`
    SELECT c.name, c.paused_at IS NOT NULL AS "isPaused", c.behind_retention_at IS NOT NULL AS "isBehindRetention",
      coalesce(c.leased_until > clock_timestamp(), false) AS "isOwned",
      coalesce(extract(epoch FROM clock_timestamp() - next.at), 0)::float8 AS "lagSeconds",
      CASE WHEN next.at IS NULL THEN 0 ELSE ${countAfter(sql, sql`r.tick`, MAX_COUNTED)} END::float8 AS "lagEntries",
      (SELECT count(*) FROM log_parked p WHERE p.consumer = c.name)::float8 AS parked
    FROM log_consumers c JOIN log_readers r ON r.name = c.name
    LEFT JOIN LATERAL (SELECT t.at FROM ticks t WHERE t.id > r.tick ORDER BY t.id LIMIT 1) next ON true
    ORDER BY c.name`;
}
