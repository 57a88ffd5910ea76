import { systemClock } from "../platform/clock.ts";
import { createLogReader } from "../platform/log/reader.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import { createHub } from "../realtime/hub.ts";
import type { Authenticate, Hub } from "../realtime/index.ts";
import type { Log } from "./log.ts";
import type { Program } from "./program.ts";

export function createHubOf(
  { config, logger }: Program,
  sql: Sql,
  log: Log,
  metrics: Metrics,
  authenticate: Authenticate,
): Hub {
  const { node, epoch } = log;
  const hub = createHub({
    authenticate,
    log: createLogReader({ sql, epoch }),
    epoch: epoch.current(),
    node,
    clock: systemClock,
    metrics: metrics.hub,
    logger: logger.child({ name: "hub" }),
    limits: {
      pingInterval: config.WS_PING_INTERVAL,
      pongTimeout: config.WS_PONG_TIMEOUT,
      maxFrame: config.WS_MAX_MESSAGE_SIZE,
      rate: config.WS_RATE_LIMIT,
      burst: config.WS_RATE_LIMIT * 10,
      roomsPerConnection: 1_000,
      socketsPerPerson: Math.ceil(config.HTTP_RATE_LIMIT / 60),
      anonymousPerAddress: config.HTTP_RATE_LIMIT,
    },
  });
  // What happens at a show is public: anybody may join the room of an event, signed in or not.
  hub.registerRooms("event", { authorize: async () => {} });
  epoch.onChange((changed) => hub.changeEpoch(changed));
  metrics.watch(() => hub.counts());
  log.lease.tell(() => ({ draining: hub.draining, hears: true, connections: hub.counts().connections }));
  return hub;
}
