import type { Redis, RedisOptions } from "ioredis";
import { type Address, pauseBefore, type Wire } from "./wire.ts";

/** One server by its URL (rediss:// for TLS), or the master that sentinels name. */
export type RedisPlace =
  | { url: string }
  | {
      sentinels: readonly { host: string; port: number }[];
      name: string;
      username?: string | undefined;
      password?: string | undefined;
    };

const CONNECT_MS = 3_000;
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
    ...more,
  };
  const made =
    "url" in place
      ? new Redis(place.url, options)
      : new Redis({
          ...options,
          sentinels: [...place.sentinels],
          name: place.name,
          username: place.username,
          password: place.password,
          sentinelCommandTimeout: CONNECT_MS,
          sentinelRetryStrategy: pauseBefore,
          failoverDetector: true,
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
  const speaker = await openRedis(place, onError);
  const listener = await openRedis(place, onError);
  let listening = false;

  listener.on("ready", () => {
    listener.subscribe(everybody, toMailbox(mailbox)).then(
      () => {
        listening = true;
      },
      (error) => {
        onError(error);
        listener.disconnect(true);
      },
    );
  });
  listener.on("close", () => {
    listening = false;
  });

  return {
    kind: "redis",
    mostBytes: MOST_BYTES,
    silentAlone: false,
    start(received) {
      listener.on("message", (_channel, text) => received(text));
      // The first attempt's failure is told by `error` as well, and the next ones follow by themselves.
      for (const client of [speaker, listener]) client.connect().catch(() => {});
    },
    send(to, text) {
      if (speaker.status !== "ready") return false;
      speaker.publish(to === null ? everybody : toMailbox(to), text).catch(onError);
      return true;
    },
    connected: () => listening && speaker.status === "ready",
    reconnect() {
      for (const client of [speaker, listener]) client.disconnect(true);
    },
    async close() {
      for (const client of [speaker, listener]) client.disconnect();
    },
  };
}
