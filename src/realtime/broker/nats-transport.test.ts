import { expect, test } from "bun:test";
import { connect } from "@nats-io/transport-node";
import {
  type BrokerFixture,
  brokerContract,
  TestCluster,
  untilReceived,
} from "../../../tests/support/broker-contract.ts";
import { startNats } from "../../../tests/support/engines/nats.ts";
import { startTcpProxy } from "../../../tests/support/tcp-proxy.ts";
import { testWith } from "../../../tests/support/tools.ts";
import type { TransportAddress } from "./broker-transport.ts";
import { createNatsTransport, getNatsOptions } from "./nats-transport.ts";

const check = testWith("nats-server");
const ignore = () => {};

brokerContract(
  "nats",
  async (): Promise<BrokerFixture> => {
    const server = await startNats();
    const createTransport = (address: TransportAddress) => createNatsTransport({ url: server.url }, address, ignore);
    return {
      connect: createTransport,
      async connectFragile(address) {
        const proxy = await startTcpProxy(server.port);
        const fragile = await createNatsTransport({ url: `nats://127.0.0.1:${proxy.port}` }, address, ignore);
        return { transport: fragile, isolate: proxy.stall, restore: proxy.restore, close: proxy.close };
      },
      kill: () => server.kill(),
      start: () => server.start(),
      pause: async () => server.pause(),
      resume: () => server.resume(),
      async publishRaw(cluster, text) {
        const stranger = await connect({ servers: server.url });
        stranger.publish(`usher.${cluster}.all`, text);
        await stranger.drain();
      },
      close: () => server.close(),
    };
  },
  check,
);

check("a user's password is read from the URL; a wrong one does not throw, and is reported", async () => {
  const server = await startNats(["--user", "us er", "--pass", "p@ss"]);
  const withUser = (user: string) => `nats://${user}@127.0.0.1:${server.port}`;
  const cluster = new TestCluster();
  const withUrl = (url: string) => (address: TransportAddress) =>
    createNatsTransport({ url }, address, (error) => reported.push(error));
  const reported: unknown[] = [];
  const a = await cluster.join(1, withUrl(withUser("us%20er:p%40ss")));
  const b = await cluster.join(2, withUrl(withUser("us%20er:p%40ss")));
  await untilReceived(a, b);
  expect(reported).toEqual([]);
  const stranger = await cluster.join(3, withUrl(withUser("us%20er:wrong")));
  while (reported.length < 3) await Bun.sleep(20);
  expect(stranger.received).toEqual([]);
  await cluster.stop();
  await server.close();
});

test("servers, user, token and TLS are read from the URL", () => {
  expect(getNatsOptions({ url: "nats://a:4222,nats://b:4223" })).toMatchObject({ servers: ["a:4222", "b:4223"] });
  expect(getNatsOptions({ url: "nats://u:p@a" })).toMatchObject({ servers: ["a"], user: "u", pass: "p" });
  expect(getNatsOptions({ url: "tls://secret@a" })).toMatchObject({ token: "secret", tls: {} });
});
