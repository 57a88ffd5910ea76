import type { Cluster } from "../index.ts";
import { createAcks } from "./acks.ts";
import { type ConnectionCounts, type ConnectionCountsDeps, createConnectionCounts } from "./connection-counts.ts";
import { createListConnections } from "./connection-list.ts";
import { createGetStats, type NodeStatsDeps } from "./node-stats.ts";

export interface ClusterQueries extends Cluster, ConnectionCounts {
  /** A client of this node has acknowledged something. */
  ackReceived(ackId: string, userId: string | null): void;
}

/** Requests to all nodes. Each question has a file, with what a node replies for itself and how the replies are merged. */
export function createClusterQueries(deps: ConnectionCountsDeps & NodeStatsDeps): ClusterQueries {
  const acks = createAcks(deps.broker);
  const { broker, node, connections, rooms } = deps;
  return {
    ...createConnectionCounts(deps),
    listConnections: createListConnections({ broker, node, connections, rooms }),
    getStats: createGetStats(deps),
    waitForAck: acks.waitForAck,
    ackReceived: acks.received,
  };
}
