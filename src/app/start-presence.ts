import type { Sql } from "../platform/postgres/sql.ts";
import { openRedisLink } from "../realtime/broker/redis-link.ts";
import { createMemoryPresence } from "../realtime/presence/memory-store.ts";
import { createPostgresPresence } from "../realtime/presence/postgres-store.ts";
import type { PresenceStore } from "../realtime/presence/presence-store.ts";
import { createRedisPresence } from "../realtime/presence/redis-store.ts";
import type { Program } from "./program.ts";
import { getClusterName, getRedisServer, hasRedis } from "./start-broker.ts";

/** Where the nodes store who is in which room: Redis when there is one; the database when other nodes can be on it; else here. */
export async function startPresence({ config, logger, lifecycle, worker }: Program, sql: Sql): Promise<PresenceStore> {
  if (hasRedis(config)) {
    const onError = (error: unknown) => logger.debug({ name: "presence", err: error }, "Redis does not respond");
    const redis = await lifecycle.start(
      "presence",
      () => openRedisLink(getRedisServer(config), onError),
      (part) => part.close(),
    );
    return createRedisPresence(redis, `usher:${await getClusterName(sql)}:presence:`);
  }
  return config.DATABASE_URL !== null || worker !== null ? createPostgresPresence(sql) : createMemoryPresence();
}
