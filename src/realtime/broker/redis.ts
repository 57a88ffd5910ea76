import type { Redis, RedisOptions } from "ioredis";
import { type Address, type Certificates, pauseBefore, type Wire } from "./wire.ts";

/**
 * One server by its URL (rediss:// for TLS), or the master that sentinels name. `tls` of these: they speak TLS, and the sentinels
 * too. Names and passwords may be empty.
 */
export type RedisPlace = { tls?: Certificates | null } & (
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
/** A client that found no server for so long is replaced: after a fail-over one may wait for ever for what will not come. */
const GIVE_UP_MS = 5_000;
/** Redis cuts off a subscriber for whom 32 MB wait; a text is far from that. */
const MOST_BYTES = 1_000_000;

/** A connection that is made with the first command or `connect()`, and again whenever it breaks. Commands meanwhile fail at once. */
export async function openRedis(
  place: RedisPlace,
  onError: (error: unknown) => void,
  more: RedisOptions = {},
): Promise<Redis> {
  const { Redis } = await import("ioredis");
  const options: RedisOptions = {
    lazyConnect: true,
    connectionName: "usher",
    protocol: 2,
    // What was not sent at once is not worth being sent later: the ticks have brought it by then.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: CONNECT_MS,
    retryStrategy: pauseBefore,
    ...(place.tls && { tls: place.tls }),
    ...more,
  };
  const made =
    "url" in place
      ? new Redis(place.url, options)
      : new Redis({
          ...options,
          sentinels: [...place.sentinels],
          name: place.name,
          ...(place.username && { username: place.username }),
          ...(place.password && { password: place.password }),
          ...(place.sentinelUsername && { sentinelUsername: place.sentinelUsername }),
          ...(place.sentinelPassword && { sentinelPassword: place.sentinelPassword }),
          ...(place.tls && { sentinelTLS: place.tls, enableTLSForSentinelMode: true }),
          sentinelCommandTimeout: CONNECT_MS,
          sentinelRetryStrategy: pauseBefore,
        });
  made.on("error", onError);
  return made;
}

/** Publish and subscribe of Redis or Valkey: one connection for each, since one that subscribes can do little else. */
export async function createRedisWire(
  place: RedisPlace,
  { cluster, mailbox }: Address,
  onError: (error: unknown) => void,
): Promise<Wire> {
  const everybody = `usher:${cluster}`;
  const toMailbox = (name: string) => `usher:${cluster}:${name}`;
  let received: (text: string) => void = () => {};
  let speaker = await openRedis(place, onError);
  let listener = await listen();
  let connectedAt = performance.now();
  let watch: ReturnType<typeof setInterval> | null = null;

  async function listen(): Promise<{ client: Redis; listening: boolean }> {
    const client = await openRedis(place, onError);
    const made = { client, listening: false };
    client.on("message", (_channel, text) => received(text));
    client.on("close", () => {
      made.listening = false;
    });
    client.on("ready", () => {
      client.subscribe(everybody, toMailbox(mailbox)).then(
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

  const clients = () => [speaker, listener.client];
  const connected = () => listener.listening && speaker.status === "ready";

  /** The first attempt's failure is told by `error` as well, and the next ones follow by themselves. */
  function connect(): void {
    connectedAt = performance.now();
    for (const client of clients()) client.connect().catch(() => {});
  }

  async function replaceStuck(): Promise<void> {
    if (connected()) connectedAt = performance.now();
    if (performance.now() - connectedAt < GIVE_UP_MS) return;
    connectedAt = performance.now();
    const next = [await openRedis(place, onError), await listen()] as const;
    for (const client of clients()) client.disconnect();
    if (watch === null) return;
    [speaker, listener] = next;
    connect();
  }

  return {
    kind: "redis",
    mostBytes: MOST_BYTES,
    silentAlone: false,
    start(by) {
      received = by;
      connect();
      watch = setInterval(() => void replaceStuck().catch(onError), 1_000);
    },
    send(to, text) {
      if (speaker.status !== "ready") return false;
      speaker.publish(to === null ? everybody : toMailbox(to), text).catch(onError);
      return true;
    },
    connected,
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
