import type { Config } from "../config/options.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { BrokerTransport, Certificates, TransportAddress } from "../realtime/broker/broker-transport.ts";
import { createBroker, type NodeBroker } from "../realtime/broker/create-broker.ts";
import { createMemoryBus } from "../realtime/broker/memory-transport.ts";
import { createNatsTransport, type NatsTarget } from "../realtime/broker/nats-transport.ts";
import { createPostgresTransport } from "../realtime/broker/postgres-transport.ts";
import { createRedisTransport, type RedisTarget } from "../realtime/broker/redis-transport.ts";
import type { Program } from "./program.ts";
import type { Log } from "./start-log.ts";

/** How often the same error of the broker's server is logged, in ms. */
const WARN_INTERVAL_MS = 30_000;

/** The broker of this cluster. It starts without its server too, and connects when that is there. */
export async function startBroker(
  { config, logger, lifecycle }: Program,
  sql: Sql,
  databaseUrl: string,
  { lease, epoch }: Log,
  metrics: Metrics,
): Promise<NodeBroker> {
  const log = logger.child({ name: "broker" });
  const address = {
    cluster: await getClusterName(sql),
    instanceId: crypto.randomUUID().replaceAll("-", "").slice(0, 16),
  };
  let warnedAt = Number.NEGATIVE_INFINITY;
  const onError = (error: unknown) => {
    if (performance.now() - warnedAt < WARN_INTERVAL_MS) return;
    warnedAt = performance.now();
    log.warn({ err: error }, "the broker's server does not respond; it is tried again");
  };
  const broker = await lifecycle.start(
    "broker",
    async () =>
      createBroker({
        transport: await openTransport(config, databaseUrl, address, onError),
        instanceId: address.instanceId,
        node: () => lease.node,
        epoch: () => epoch.current(),
        nodes: {
          getNumbers: () => lease.liveNodes().map(({ node }) => node),
          areOthersReceiving: () =>
            lease.liveNodes().some(({ node, isReceiving }) => isReceiving && node !== lease.node),
          refresh: () => void lease.refresh(),
        },
        logger: log,
      }),
    (part) => part.stop(),
  );
  metrics.watchBroker(() => ({ ...broker.counts, lag: broker.lag, health: broker.health() }));
  return broker;
}

/** What `auto` means is decided by what is configured. */
export function chooseBroker(config: Config): Broker["kind"] {
  if (config.BROKER !== "auto") return config.BROKER;
  if (hasRedis(config)) return "redis";
  if (config.NATS_URL !== null) return "nats";
  return config.DATABASE_URL === null ? "memory" : "postgres";
}

export function hasRedis({ REDIS_URL, REDIS_HOST, REDIS_SENTINELS }: Config): boolean {
  return REDIS_URL !== null || REDIS_HOST !== null || REDIS_SENTINELS.length > 0;
}

async function openTransport(
  config: Config,
  databaseUrl: string,
  address: TransportAddress,
  onError: (error: unknown) => void,
): Promise<BrokerTransport> {
  switch (chooseBroker(config)) {
    case "redis":
      return createRedisTransport(getRedisServer(config), address, onError);
    case "nats":
      return createNatsTransport(getNatsServer(config), address, onError);
    case "postgres":
      return createPostgresTransport(databaseUrl, address, onError);
    case "memory":
      return createMemoryBus().createTransport(address);
  }
}

export function getRedisServer(config: Config): RedisTarget {
  const { REDIS_URL, REDIS_HOST, REDIS_PORT, REDIS_DB, REDIS_SENTINELS, REDIS_SENTINEL_NAME } = config;
  const username = config.REDIS_USERNAME ?? "";
  const password = config.REDIS_PASSWORD ?? "";
  const certificates = getCertificates(config.REDIS_TLS_CA, config.REDIS_TLS_CERT, config.REDIS_TLS_KEY);
  const tls = config.REDIS_TLS || REDIS_URL?.startsWith("rediss:") ? (certificates ?? {}) : certificates;
  if (REDIS_SENTINEL_NAME !== null) {
    return {
      sentinels: REDIS_SENTINELS,
      name: REDIS_SENTINEL_NAME,
      username,
      password,
      sentinelUsername: config.REDIS_SENTINEL_USERNAME ?? "",
      sentinelPassword: config.REDIS_SENTINEL_PASSWORD ?? "",
      tls,
    };
  }
  const host = REDIS_HOST?.includes(":") ? `[${REDIS_HOST}]` : REDIS_HOST;
  const url = new URL(REDIS_URL ?? `redis://${host}:${REDIS_PORT}/${REDIS_DB}`);
  if (url.username === "" && username !== "") url.username = encodeURIComponent(username);
  if (url.password === "" && password !== "") url.password = encodeURIComponent(password);
  return { url: url.href, tls };
}

export function getNatsServer({ NATS_URL, NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY }: Config): NatsTarget {
  return { url: NATS_URL!, tls: getCertificates(NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY) };
}

/** Null when nothing is set: TLS then trusts what the system trusts. */
function getCertificates(ca: string | null, cert: string | null, key: string | null): Certificates | null {
  if (ca === null && cert === null) return null;
  return { ...(ca !== null && { ca }), ...(cert !== null && key !== null && { cert, key }) };
}

/** The same on all nodes of a database, also after a fail-over; another one for every other database. */
export async function getClusterName(sql: Sql): Promise<string> {
  const [row] = await sql<{ name: string }[]>`
    SELECT left(md5(concat_ws(':', s.system_identifier, d.oid, 'rooms'::regclass::oid)), 12) AS name
    FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()`;
  return row!.name;
}
