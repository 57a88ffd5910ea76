import { startRedisSource } from "../bridges/redis-source.ts";
import { StartError } from "../config/start-error.ts";
import type { LiveNode } from "../platform/nodes/registry.ts";
import { createUnlimitedService } from "../platform/scopes.ts";
import { openRedis } from "../realtime/broker/redis-transport.ts";
import type { ServerApi } from "../server-api/index.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";
import { getRedisServer, hasRedis } from "./start-broker.ts";
import type { Log } from "./start-log.ts";

/** Reads the Redis channels of the first back ends, when REDIS_SOURCE is on. Of all workers, the one with the lowest number acts. */
export async function openRedisSource(
  { config, logger, lifecycle }: Program,
  { lease }: Log,
  { notices, broadcasts }: ServerApi,
): Promise<void> {
  if (!config.REDIS_SOURCE || !hasRole(config, "worker")) return;
  if (!hasRedis(config))
    throw new StartError("REDIS_SOURCE is on, and no Redis is named. Set REDIS_URL or REDIS_HOST.");
  const caller = createUnlimitedService("REDIS_SOURCE");
  await lifecycle.start(
    "Redis source",
    () =>
      startRedisSource({
        open: (onError) =>
          openRedis(getRedisServer(config), onError, {
            connectionName: "usher source",
            autoResubscribe: true,
            enableOfflineQueue: true,
            maxRetriesPerRequest: null,
          }),
        isActive: () => lease.node === Math.min(lease.node, ...listWorkers(lease.liveNodes())),
        notify: (notice) => notices.send(caller, notice),
        broadcast: (broadcast) => broadcasts.send(caller, broadcast),
        logger: logger.child({ name: "redis source" }),
      }),
    (part) => part.stop(),
  );
}

function listWorkers(nodes: readonly LiveNode[]): number[] {
  return nodes.filter(({ roles }) => hasRole({ ROLES: roles }, "worker")).map(({ node }) => node);
}
