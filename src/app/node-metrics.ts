import { logSize } from "../platform/log/size.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Hub } from "../realtime/transport.ts";
import type { Log } from "./log.ts";
import type { Storage } from "./storage.ts";

/** Shows in the metrics how this node stands. */
export function watchNode(metrics: Metrics, { sql, pools, writable }: Storage, { lease, tail }: Log, hub: Hub): void {
  metrics.watchNode({
    nodes: () => lease.living().length,
    leaseHeld: () => lease.held(),
    pools,
    writable: () => writable.check(sql),
    tailLag: () => tail.lag(),
    logSize: () => logSize(sql),
    presenceUp: () => hub.presenceHealth().up,
    presenceWatched: () => hub.presenceHealth().watched,
  });
}
