import { systemClock } from "../platform/clock.ts";
import { createLogReader } from "../platform/log/reader.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { NodeBroker } from "../realtime/broker/create-broker.ts";
import { createHub } from "../realtime/hub.ts";
import type { PresenceStore } from "../realtime/presence/presence-store.ts";
import type { Authenticate, Hub } from "../realtime/transport.ts";
import { hubLimits } from "./node-limits.ts";
import type { Program } from "./program.ts";
import type { Log } from "./start-log.ts";

interface NodeHubDeps {
  sql: Sql;
  log: Log;
  metrics: Metrics;
  broker: NodeBroker;
  presence: PresenceStore;
  authenticate: Authenticate;
}

/** The hub of this node, on its log, and known to the other nodes by its lease. */
export function createNodeHub(
  { config, live, lifecycle, logger, tracing }: Program,
  { sql, log, metrics, broker, presence, authenticate }: NodeHubDeps,
): Hub {
  const { node, epoch } = log;
  const limits = hubLimits(config);
  live.onChange(() => Object.assign(limits, hubLimits(config)));
  const hub = createHub({
    authenticate,
    log: createLogReader({ sql, epoch }),
    broker,
    nodes: () => log.lease.liveNodes().length,
    presence,
    epoch: epoch.current(),
    node,
    clock: systemClock,
    metrics: metrics.hub,
    tracing,
    logger: logger.child({ name: "hub" }),
    limits,
  });
  // What happens at a show is public: any client may join the room of an event, signed in or not.
  hub.registerRooms("event", { authorize: async () => {} });
  epoch.onChange((changed) => hub.changeEpoch(changed));
  metrics.watchConnections(() => hub.counts());
  // A node that takes another number appears as a new one.
  log.lease.watch({ joined: () => hub.renumber(String(log.lease.node)) });
  log.lease.reportState(() => ({
    draining: hub.draining || lifecycle.isStopping,
    isReceiving: broker.isReceiving,
    connections: hub.counts().connections,
    lag: log.tail.lag() * 1_000,
  }));
  return hub;
}
