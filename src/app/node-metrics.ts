import { logSize } from "../platform/log/size.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { PoolNumbers } from "../platform/postgres/pool.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Hub } from "../realtime/doors.ts";
import type { Log } from "./log.ts";

/** Shows in the metrics how this node stands. */
export function watchNode(
  metrics: Metrics,
  sql: Sql,
  { lease, tail }: Log,
  hub: Hub,
  pools: Readonly<Record<string, () => PoolNumbers>>,
): void {
  metrics.watchNode({
    nodes: () => lease.living().length,
    leaseHeld: () => lease.held(),
    pools,
    tailLag: () => tail.lag(),
    logSize: () => logSize(sql),
    presenceUp: () => hub.presenceHealth().up,
    presenceWatched: () => hub.presenceHealth().watched,
  });
}
