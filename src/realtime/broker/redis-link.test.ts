import { afterAll, beforeAll, expect } from "bun:test";
import { type RedisEngine, startRedis } from "../../../tests/support/engines/redis.ts";
import { startTcpProxy, type TcpProxy } from "../../../tests/support/tcp-proxy.ts";
import { findTool, testWith } from "../../../tests/support/tools.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { openRedisLink } from "./redis-link.ts";

let redis: RedisEngine | null = null;
let proxy: TcpProxy | null = null;

beforeAll(async () => {
  if (!findTool("redis-server")) return;
  redis = await startRedis();
  proxy = await startTcpProxy(Number(new URL(redis.url).port));
});
afterAll(async () => {
  await proxy?.close();
  await redis?.close();
});

testWith("redis-server")("a half-open connection is replaced, and its end is reported", async () => {
  let cuts = 0;
  const link = await openRedisLink({ url: `redis://127.0.0.1:${proxy!.port}` }, () => {}, { commandTimeout: 200 });
  link.onDisconnect(() => cuts++);
  const ping = () => link.run((client) => client.ping()).catch(() => null);
  await waitUntil("it is connected", async () => (await ping()) === "PONG");
  proxy!.dropExisting();
  await expect(link.run((client) => client.ping())).rejects.toThrow("timed out");
  await waitUntil("it responds again", async () => (await ping()) === "PONG");
  expect(cuts).toBe(1);
  link.close();
});
