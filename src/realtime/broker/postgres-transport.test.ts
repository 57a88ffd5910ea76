import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrokerFixture, brokerContract } from "../../../tests/support/broker-contract.ts";
import { freePort } from "../../../tests/support/free-port.ts";
import { testDatabase } from "../../../tests/support/postgres.ts";
import { startTcpProxy } from "../../../tests/support/tcp-proxy.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { startEmbedded } from "../../platform/postgres/embedded.ts";
import { openDatabase } from "../../platform/postgres/pool.ts";
import { createPostgresTransport } from "./postgres-transport.ts";

const ignore = () => {};

brokerContract("postgres", async (): Promise<BrokerFixture> => {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-notify-"));
  const port = await freePort();
  const settings = { listen_addresses: "127.0.0.1", port: String(port), fsync: "off" };
  const start = () => startEmbedded({ dataDir, settings });
  let server = await start();
  const urlAt = (at: number) => `postgres://usher@127.0.0.1:${at}/usher`;
  const admin = openDatabase(urlAt(port), { max: 1 });
  const frozen: number[] = [];
  return {
    connect: async (address) => createPostgresTransport(urlAt(port), address, ignore),
    async connectFragile(address) {
      const proxy = await startTcpProxy(port);
      const transport = createPostgresTransport(urlAt(proxy.port), address, ignore);
      return { transport, isolate: proxy.stall, restore: proxy.restore, close: proxy.close };
    },
    async kill() {
      process.kill(server.pid()!, "SIGQUIT"); // it ends at once, without closing its connections
      await server.stop();
    },
    async start() {
      server = await start();
    },
    async pause() {
      const backends = await admin.sql<{ pid: number }[]>`
        SELECT pid FROM pg_stat_activity WHERE application_name = 'usher broker'`;
      frozen.push(server.pid()!, ...backends.map(({ pid }) => pid));
      for (const pid of frozen) process.kill(pid, "SIGSTOP");
    },
    resume() {
      for (const pid of frozen.splice(0)) process.kill(pid, "SIGCONT");
    },
    publishRaw: async (cluster, text) => void (await admin.sql`SELECT pg_notify(${`usher_${cluster}`}, ${text})`),
    async close() {
      await admin.close();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});

test("a server that does not respond after the connection is made is abandoned for another attempt", async () => {
  const database = await testDatabase();
  const { hostname, port } = new URL(database.url);
  let tries = 0;
  const silent = createServer((near) => {
    const swallows = tries++ === 0;
    const far = connect(Number(port), hostname);
    far.pipe(near);
    near.on("data", (bytes) => !(swallows && bytes.includes("LISTEN")) && far.write(bytes));
    for (const socket of [near, far]) socket.on("error", ignore).on("close", () => [near, far].map((s) => s.destroy()));
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = new URL(database.url);
  url.host = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const transport = createPostgresTransport(url.href, { cluster: "silent", instanceId: "one" }, ignore, 500);
  transport.start(ignore);
  await waitUntil("it listens by another connection", () => transport.isConnected());
  expect(tries).toBe(2);
  await transport.close();
  silent.close();
  await database.close();
});
