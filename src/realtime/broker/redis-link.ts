import type { Redis, RedisOptions } from "ioredis";
import { openRedis, type RedisTarget } from "./redis-transport.ts";

/** For commands: a client that is replaced when it does not respond in time, or finds no server for long. */
export interface RedisLink {
  /** Runs `work` with the present client; rejects when it does. */
  run<T>(work: (client: Redis) => Promise<T>): Promise<T>;
  /** Called when a connection has ended: the server may have lost some of its data. */
  onDisconnect(listener: () => void): void;
  close(): void;
}

/** ms for one command. */
const COMMAND_MS = 2_000;
/** ms without a server after which a client is replaced: after a fail-over it may wait for ever. */
const GIVE_UP_MS = 5_000;
const CHECK_INTERVAL_MS = 1_000;

/** Begins to connect, and retries until it is closed. */
export async function openRedisLink(
  target: RedisTarget,
  onError: (error: unknown) => void,
  more: RedisOptions = {},
): Promise<RedisLink> {
  const listeners: (() => void)[] = [];
  let client = await open();
  let readyAt = performance.now();
  let replacing = false;
  let closed = false;

  async function open(): Promise<Redis> {
    const made = await openRedis(target, onError, { commandTimeout: COMMAND_MS, ...more });
    made.on("close", () => {
      for (const listener of listeners) listener();
    });
    made.connect().catch(() => {}); // also reported by `error`; the client retries by itself
    return made;
  }

  async function replace(): Promise<void> {
    if (replacing || closed) return;
    replacing = true;
    const next = await open();
    client.disconnect();
    client = next;
    readyAt = performance.now();
    replacing = false;
    if (closed) next.disconnect();
  }

  const timer = setInterval(() => {
    if (client.status === "ready") readyAt = performance.now();
    else if (performance.now() - readyAt > GIVE_UP_MS) replace().catch(onError);
  }, CHECK_INTERVAL_MS);

  return {
    async run(work) {
      const used = client;
      try {
        return await work(used);
      } catch (error) {
        // A half-open connection looks like any other.
        if (isTimeout(error) && used === client) replace().catch(onError);
        throw error;
      }
    },
    onDisconnect: (listener) => void listeners.push(listener),
    close() {
      closed = true;
      clearInterval(timer);
      client.disconnect();
    },
  };
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === "Command timed out";
}
