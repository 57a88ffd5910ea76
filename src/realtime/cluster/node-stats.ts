import type { RoomKind } from "../../../protocol/rooms.ts";
import { createLoader } from "../../platform/loader.ts";
import type { Broker, Gathered } from "../broker/broker.ts";
import type { FrameCounts } from "../connections/count-frames.ts";
import type { Cluster, NodeStats } from "../index.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import type { HubCounts } from "../transport.ts";
import { BATCH_MS } from "./connection-counts.ts";

/** Maximum rooms listed in a node's statistics. */
const MAX_LISTED_ROOMS = 100;

export interface NodeStatsDeps {
  broker: Broker;
  /** Its number at present. */
  node: () => number;
  startedAt: number;
  rooms: RoomRegistry;
  counts: () => HubCounts;
  frames: FrameCounts;
}

/** The statistics of all nodes; calls within BATCH_MS are one request. */
export function createGetStats({ broker, node, startedAt, rooms, counts, frames }: NodeStatsDeps): Cluster["getStats"] {
  broker.onRequest("stats", (): NodeStats => {
    const busiest: { name: string; members: number }[] = [];
    for (const { name, members } of rooms.all()) if (members > 0) busiest.push({ name, members });
    busiest.sort((a, b) => b.members - a.members);
    const { connections, authenticated, anonymous, rooms: joins } = counts();
    return {
      node: node(),
      started_at: startedAt,
      connections,
      authenticated,
      anonymous,
      places: joins as Record<RoomKind, number>,
      room_count: busiest.length,
      rooms: busiest.slice(0, MAX_LISTED_ROOMS),
      sent: frames.sent,
      received: frames.received,
    };
  });
  const load = createLoader<"all", Gathered<NodeStats>>({
    read: async () => [await broker.gather<NodeStats>("stats", null)],
    toText: (key) => key,
    maxBatch: 1,
    inFlight: Number.POSITIVE_INFINITY,
    schedule: (start) => setTimeout(start, BATCH_MS),
  });

  return async () => {
    const { replies, partial } = await load("all");
    return { nodes: replies.toSorted((a, b) => a.node - b.node), partial };
  };
}
