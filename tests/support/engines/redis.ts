import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import type { RedisLink } from "../../../src/realtime/broker/redis-link.ts";
import { freePort } from "../free-port.ts";
import { findTool } from "../tools.ts";
import { type Engine, startEngine } from "./engine.ts";

export interface RedisEngine extends Engine {
  /** `redis://127.0.0.1:PORT` */
  url: string;
  /** What redis-cli prints. */
  cli(...command: string[]): Promise<string>;
}

/** A link by one client, which is never replaced. */
export function linkTo(client: Redis): RedisLink {
  return {
    run: (work) => work(client),
    onDisconnect: (listener) => void client.on("close", listener),
    close: () => client.disconnect(),
  };
}

/** Redis without persistence. `options` are its own, such as `["--replicaof", "127.0.0.1 7000"]`; made of its port where they need it. */
export async function startRedis(options: string[] | ((port: number) => string[]) = []): Promise<RedisEngine> {
  const folder = mkdtempSync(join(tmpdir(), "usher-redis-"));
  const port = await freePort();
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"];
  const command = [findTool("redis-server")!, ...own, ...(typeof options === "function" ? options(port) : options)];
  return withCli(await startEngine(port, command, () => rmSync(folder, { recursive: true, force: true })));
}

export interface RedisSentinels {
  name: string;
  sentinels: { host: string; port: number }[];
  /** The servers; the first one is the master at the start. */
  redis: [RedisEngine, RedisEngine];
  /** The port of the present master, as the sentinels see it. */
  master(): Promise<number>;
  close(): Promise<void>;
}

/** A master, a replica, and three sentinels that fail over half a second after the master has died. */
export async function startSentinels(): Promise<RedisSentinels> {
  const name = "usher-test";
  const master = await startRedis();
  const replica = await startRedis(["--replicaof", "127.0.0.1", String(master.port)]);
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(name, master.port)));
  return {
    name,
    sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
    redis: [master, replica],
    async master() {
      const [, port] = (await sentinels[0]!.cli("sentinel", "get-master-addr-by-name", name)).split("\n");
      return Number(port);
    },
    async close() {
      await Promise.all([...sentinels, replica, master].map((engine) => engine.close()));
    },
  };
}

/** `more`: further lines of its configuration, made of its port. */
export async function startSentinel(
  name: string,
  master: number,
  more: (port: number) => string[] = () => [],
): Promise<RedisEngine> {
  const folder = mkdtempSync(join(tmpdir(), "usher-sentinel-"));
  const port = await freePort();
  const file = join(folder, "sentinel.conf");
  writeFileSync(
    file,
    [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor ${name} 127.0.0.1 ${master} 2`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 3000`,
      ...more(port),
    ].join("\n"),
  );
  const command = [findTool("redis-server")!, file, "--sentinel"];
  return withCli(await startEngine(port, command, () => rmSync(folder, { recursive: true, force: true })));
}

function withCli(engine: Engine): RedisEngine {
  return {
    ...engine,
    url: `redis://127.0.0.1:${engine.port}`,
    async cli(...command) {
      const child = Bun.spawn([findTool("redis-cli")!, "-p", String(engine.port), ...command], { stdout: "pipe" });
      return (await new Response(child.stdout).text()).trim();
    },
  };
}
