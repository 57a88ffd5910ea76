import { expect } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { entry, TestCluster, untilReceived } from "../../../tests/support/broker-contract.ts";
import { startSentinels } from "../../../tests/support/engines/redis.ts";
import { testWith } from "../../../tests/support/tools.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { TransportAddress } from "./broker-transport.ts";
import { createRedisTransport } from "./redis-transport.ts";

const check = testWith("redis-server", "redis-cli");

check(
  "Redis with sentinels: the master dies while nodes speak, and they go on by the new one",
  async () => {
    const { name, sentinels, redis, master, close } = await startSentinels();
    const [old, next] = redis;
    const cluster = new TestCluster();
    const connect = (address: TransportAddress) => createRedisTransport({ sentinels, name }, address, () => {});
    const a = await cluster.join(1, connect);
    const b = await cluster.join(2, connect);
    await untilReceived(a, b);
    await waitUntil("the sentinels know the replica", async () =>
      (await next.cli("info", "replication")).includes("master_link_status:up"),
    );

    let published = 0;
    let speaking = true;
    const speech = (async () => {
      while (speaking) {
        a.broker.publish([entry(++published)]);
        await sleep(2);
      }
    })();
    await old.kill();
    await waitUntil("the replica is the master", async () => (await master()) === next.port);
    const until = published;
    await waitUntil("what is published now is received", () =>
      b.received.some(({ seq }) => seq > until && seq < 1_000_000),
    );
    await untilReceived(b, a);
    speaking = false;
    await speech;
    // Lost entries do not come late or twice: what came is in order.
    const received = b.received.map(({ seq }) => seq).filter((seq) => seq < 1_000_000);
    expect(received).toEqual([...new Set(received)].sort((x, y) => x - y));
    await waitUntil("both are well", () => [a, b].every(({ broker }) => broker.health() === "ok"));
    expect(cluster.errors).toEqual([]);
    await cluster.stop();
    await close();
  },
  60_000,
);
