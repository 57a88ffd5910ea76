import type { ISql } from "../postgres/sql.ts";
import { logPartitions } from "./partitions.ts";

/** Bytes of the log with its indexes, and how many partitions are ready after the present one. */
export async function logSize(sql: ISql): Promise<{ bytes: number; partitionsAhead: number }> {
  const [row] = await sql<{ bytes: number; ahead: number }[]>`
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::float8 AS bytes,
      count(*) FILTER (WHERE lower > clock_timestamp())::float8 AS ahead
    FROM ${logPartitions(sql)} p`;
  return { bytes: row!.bytes, partitionsAhead: row!.ahead };
}
