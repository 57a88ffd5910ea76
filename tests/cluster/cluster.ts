import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { migrateUp } from "../../src/platform/postgres/migrate.ts";
import { MIGRATIONS } from "../../src/platform/postgres/migration-sets.ts";
import { TEST_ISSUER, TEST_SECRET } from "../support/app.ts";
import type { Engine } from "../support/engines/engine.ts";
import { startNats } from "../support/engines/nats.ts";
import { startRedis } from "../support/engines/redis.ts";
import { freePort } from "../support/free-port.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import type { NodeOrigins } from "./listener.ts";
import { NodeProcess, THIS_RELEASE } from "./node-process.ts";

export type BrokerKind = "redis" | "nats" | "postgres";

/**
 * A PostgreSQL, a broker and some nodes, each a separate process. The first node reaches both through TCP proxies, which can
 * be slow, stalled or cut.
 */
export interface Cluster {
  nodes: NodeProcess[];
  origins: NodeOrigins;
  databaseUrl: string;
  postgres: EmbeddedPostgres;
  /** Null when PostgreSQL is the broker. */
  broker: Engine | null;
  /** The first node's proxy to the broker; to PostgreSQL when that is the broker. */
  brokerProxy: TcpProxy;
  postgresProxy: TcpProxy;
  end(): Promise<void>;
}

/** For the server API: what GRPC_TOKEN is on every node. */
export const CLUSTER_TOKEN = "a-token-of-the-cluster-tests";

/** @param release the checkout that the nodes run; the database is always made by this one's migrations */
export async function startCluster(kind: BrokerKind, size = 3, release = THIS_RELEASE): Promise<Cluster> {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-cluster-"));
  const port = await freePort();
  const settings = { listen_addresses: "127.0.0.1", port: String(port), max_connections: "200", fsync: "off" };
  const postgres = await startEmbedded({ dataDir, settings });
  const urlAt = (at: number) => `postgres://usher@127.0.0.1:${at}/usher`;
  await migrateUp(urlAt(port), MIGRATIONS);
  const broker = kind === "redis" ? await startRedis() : kind === "nats" ? await startNats() : null;
  const postgresProxy = await startTcpProxy(port);
  const brokerProxy = broker === null ? postgresProxy : await startTcpProxy(broker.port);
  const nodes: NodeProcess[] = [];
  for (let n = 0; n < size; n++) {
    const behindProxies = n === 0;
    const brokerPort = behindProxies ? brokerProxy.port : (broker?.port ?? 0);
    nodes.push(
      await NodeProcess.make(
        {
          DATABASE_URL: urlAt(behindProxies ? postgresProxy.port : port),
          BROKER: kind,
          ...(kind === "redis" && { REDIS_URL: `redis://127.0.0.1:${brokerPort}` }),
          ...(kind === "nats" && { NATS_URL: `nats://127.0.0.1:${brokerPort}` }),
          MIGRATE_ON_START: "false",
          GRPC_TOKEN: CLUSTER_TOKEN,
          JWT_SECRET: TEST_SECRET,
          JWT_ISSUER: TEST_ISSUER,
        },
        release,
      ),
    );
  }
  const cluster: Cluster = {
    nodes,
    origins: {
      pick() {
        const up = nodes.filter((node) => node.up);
        const list = up.length > 0 ? up : nodes;
        return `ws://127.0.0.1:${list[Math.floor(Math.random() * list.length)]!.port}`;
      },
    },
    databaseUrl: urlAt(port),
    postgres,
    broker,
    brokerProxy,
    postgresProxy,
    async end() {
      for (const proxy of new Set([brokerProxy, postgresProxy])) proxy.restore();
      await Promise.all(nodes.map((node) => node.remove()));
      for (const proxy of new Set([brokerProxy, postgresProxy])) await proxy.close();
      await broker?.close();
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(nodes.map((node) => node.start()));
    return cluster;
  } catch (error) {
    await cluster.end();
    throw error;
  }
}
