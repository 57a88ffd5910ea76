import { expect } from "bun:test";
import {
  type BrokerFixture,
  brokerContract,
  TestCluster,
  untilReceived,
} from "../../../tests/support/broker-contract.ts";
import { startRedis } from "../../../tests/support/engines/redis.ts";
import { startTcpProxy } from "../../../tests/support/tcp-proxy.ts";
import { testWith } from "../../../tests/support/tools.ts";
import type { TransportAddress } from "./broker-transport.ts";
import { createRedisTransport } from "./redis-transport.ts";

const check = testWith("redis-server", "redis-cli");
const ignore = () => {};

brokerContract(
  "redis",
  async (): Promise<BrokerFixture> => {
    const server = await startRedis();
    const createTransport = (address: TransportAddress) => createRedisTransport({ url: server.url }, address, ignore);
    return {
      connect: createTransport,
      async connectFragile(address) {
        const proxy = await startTcpProxy(server.port);
        const url = `redis://127.0.0.1:${proxy.port}`;
        const fragile = await createRedisTransport({ url }, address, ignore);
        return { transport: fragile, isolate: proxy.stall, restore: proxy.restore, close: proxy.close };
      },
      kill: () => server.kill(),
      start: () => server.start(),
      pause: async () => server.pause(),
      resume: () => server.resume(),
      publishRaw: async (cluster, text) => void (await server.cli("publish", `usher:${cluster}`, text)),
      close: () => server.close(),
    };
  },
  check,
);

check("subscribers that the server cuts off are back at once, with their subscriptions", async () => {
  const server = await startRedis(["--requirepass", "p@ss word"]);
  const cluster = new TestCluster();
  const url = `redis://:${encodeURIComponent("p@ss word")}@127.0.0.1:${server.port}`;
  const createTransport = (address: TransportAddress) => createRedisTransport({ url }, address, ignore);
  const a = await cluster.join(1, createTransport);
  const b = await cluster.join(2, createTransport);
  await untilReceived(a, b);
  a.broker.onRequest("who", () => "a");
  b.broker.onRequest("who", () => "b");
  for (let attempt = 0; attempt < 3; attempt++) {
    await server.cli("-a", "p@ss word", "--no-auth-warning", "client", "kill", "type", "pubsub");
    await untilReceived(a, b);
    await untilReceived(b, a);
    expect((await a.broker.gather<string>("who", null, 10_000)).replies).toEqual(["a", "b"]);
  }
  await cluster.stop();
  await server.close();
});
