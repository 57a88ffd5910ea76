import type { Redis, RedisOptions } from "ioredis";
import {
  type BrokerTransport,
  type Certificates,
  getReconnectDelay,
  type TransportAddress,
} from "./broker-transport.ts";

/**
 * One server by its URL (rediss:// for TLS), or the master that sentinels name. `tls` of these: they speak TLS, and the sentinels
 * too. Names and passwords may be empty.
 */
export type RedisTarget = { tls?: Certificates | null } & (
  | { url: string }
  | {
      sentinels: readonly { host: string; port: number }[];
      name: string;
      username?: string;
      password?: string;
      sentinelUsername?: string;
      sentinelPassword?: string;
    }
);

const CONNECT_MS = 3_000;
/** ms without a server after which a client is replaced: after a fail-over it may wait for ever. */
const GIVE_UP_MS = 5_000;
/** Redis disconnects a subscriber for whom 32 MB wait; a text is far below that. */
const MAX_BYTES = 1_000_000;

/** A connection that is made with the first command or `connect()`, and again whenever it breaks. Commands meanwhile fail at once. */
export async function openRedis(
  target: RedisTarget,
  onError: (error: unknown) => void,
  more: RedisOptions = {},
): Promise<Redis> {
  const { Redis } = await import("ioredis");
  const options: RedisOptions = {
    lazyConnect: true,
    connectionName: "usher",
    protocol: 2,
    // What was not sent at once is not sent later: the log tail has brought it by then.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: CONNECT_MS,
    retryStrategy: getReconnectDelay,
    ...(target.tls && { tls: target.tls }),
    ...more,
  };
  const made =
    "url" in target
      ? new Redis(target.url, options)
      : new Redis({
          ...options,
          sentinels: [...target.sentinels],
          name: target.name,
          ...(target.username && { username: target.username }),
          ...(target.password && { password: target.password }),
          ...(target.sentinelUsername && { sentinelUsername: target.sentinelUsername }),
          ...(target.sentinelPassword && { sentinelPassword: target.sentinelPassword }),
          ...(target.tls && { sentinelTLS: target.tls, enableTLSForSentinelMode: true }),
          sentinelCommandTimeout: CONNECT_MS,
          sentinelRetryStrategy: getReconnectDelay,
        });
  made.on("error", onError);
  return made;
}

/** Publish and subscribe of Redis or Valkey: one connection for each, since one that subscribes can do little else. */
export async function createRedisTransport(
  target: RedisTarget,
  { cluster, instanceId }: TransportAddress,
  onError: (error: unknown) => void,
): Promise<BrokerTransport> {
  const allChannel = `usher:${cluster}`;
  const instanceChannel = (name: string) => `usher:${cluster}:${name}`;
  let received: (text: string) => void = () => {};
  let publisher = await openRedis(target, onError);
  let subscriber = await openSubscriber();
  let connectedAt = performance.now();
  let watch: ReturnType<typeof setInterval> | null = null;

  async function openSubscriber(): Promise<{ client: Redis; listening: boolean }> {
    const client = await openRedis(target, onError);
    const made = { client, listening: false };
    client.on("message", (_channel, text) => received(text));
    client.on("close", () => {
      made.listening = false;
    });
    client.on("ready", () => {
      client.subscribe(allChannel, instanceChannel(instanceId)).then(
        () => {
          made.listening = true;
        },
        (error) => {
          onError(error);
          client.disconnect(true);
        },
      );
    });
    return made;
  }

  const clients = () => [publisher, subscriber.client];
  const isConnected = () => subscriber.listening && publisher.status === "ready";

  /** The first attempt's failure is also reported by `error`, and the client retries by itself. */
  function connect(): void {
    connectedAt = performance.now();
    for (const client of clients()) client.connect().catch(() => {});
  }

  async function replaceStuck(): Promise<void> {
    if (isConnected()) connectedAt = performance.now();
    if (performance.now() - connectedAt < GIVE_UP_MS) return;
    connectedAt = performance.now();
    const next = [await openRedis(target, onError), await openSubscriber()] as const;
    for (const client of clients()) client.disconnect();
    if (watch === null) return;
    [publisher, subscriber] = next;
    connect();
  }

  return {
    kind: "redis",
    maxBytes: MAX_BYTES,
    skipsProbeAlone: false,
    start(by) {
      received = by;
      connect();
      watch = setInterval(() => void replaceStuck().catch(onError), 1_000);
    },
    send(to, text) {
      if (publisher.status !== "ready") return false;
      publisher.publish(to === null ? allChannel : instanceChannel(to), text).catch(onError);
      return true;
    },
    isConnected,
    reconnect() {
      for (const client of clients()) client.disconnect(true);
    },
    async close() {
      if (watch !== null) clearInterval(watch);
      watch = null;
      for (const client of clients()) client.disconnect();
    },
  };
}
