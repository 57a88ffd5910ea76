import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../src/platform/postgres/embedded.ts";
import { startNats } from "../tests/support/engines/nats.ts";
import { startRedis } from "../tests/support/engines/redis.ts";
import { startUsher, type UsherServer } from "./usher.ts";

/** What wakes the nodes; `none`: each polls, several times a second. */
export type Broker = "redis" | "nats" | "postgres" | "none";

/** ms until each node has seen the lease of every other. */
const DISCOVERY_MS = 4_000;

/**
 * A cluster: nodes over one PostgreSQL with fsync, of which the first serves REST.
 *
 * @param roles of each node, such as `["edge,api", "edge,api"]`
 */
export async function startNodes(roles: string[], broker: Broker, env = {}): Promise<UsherServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-bench-nodes-"));
  const postgres = await startEmbedded({ dataDir, settings: { max_connections: "100" } });
  const engine = broker === "redis" ? await startRedis() : broker === "nats" ? await startNats() : null;
  const options = {
    DATABASE_URL: postgres.url,
    BROKER: broker === "none" ? "memory" : broker,
    ...(engine === null ? {} : { [broker === "redis" ? "REDIS_URL" : "NATS_URL"]: engine.url }),
    ...env,
  };
  const nodes: UsherServer[] = [];
  for (const role of roles) nodes.push(await startUsher({ ...options, ROLES: role }));
  const first = nodes[0]!;
  const ports = nodes.flatMap(({ target }) => target.ports);
  if (nodes.length > 1) await Bun.sleep(DISCOVERY_MS);
  return {
    ...first,
    name: `Usher, ${roles.length} nodes`,
    pids: nodes.flatMap(({ pids }) => pids),
    others: [postgres.pid()!, ...(engine === null ? [] : [engine.pid()!])],
    target: { ...first.target, ports },
    populate: async (count, channels) => ({ ...(await first.populate(count, channels)), ports }),
    async stop() {
      for (const node of nodes) await node.stop();
      await engine?.close();
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
