import { logSize } from "../platform/log/size.ts";
import { listConsumers } from "../platform/log-consumers/status.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Hub } from "../realtime/transport.ts";
import type { Log } from "./start-log.ts";
import type { Storage } from "./start-storage.ts";

/** Shows the state of this node in the metrics. */
export function watchNode(metrics: Metrics, { sql, pools, writeProbe }: Storage, { lease, tail }: Log, hub: Hub): void {
  metrics.watchNode({
    nodes: () => lease.liveNodes().length,
    isLeaseHeld: () => lease.isHeld(),
    pools,
    isWritable: () => writeProbe.isWritable(sql),
    tailLag: () => tail.lag(),
    logSize: () => logSize(sql),
    logConsumers: () => listConsumers(sql),
    isPresenceUp: () => hub.presenceHealth().up,
    watchedRooms: () => hub.presenceHealth().watched,
  });
}
