import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokerContract, type Ground } from "../../../tests/support/broker-contract.ts";
import { freePort } from "../../../tests/support/free-port.ts";
import { startTcpProxy } from "../../../tests/support/tcp-proxy.ts";
import { startEmbedded } from "../../platform/postgres/embedded.ts";
import { openDatabase } from "../../platform/postgres/pool.ts";
import { createPostgresWire } from "./postgres.ts";

const ignore = () => {};

brokerContract("postgres", async (): Promise<Ground> => {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-notify-"));
  const port = await freePort();
  const settings = { listen_addresses: "127.0.0.1", port: String(port), fsync: "off" };
  const start = () => startEmbedded({ dataDir, settings });
  let server = await start();
  const urlAt = (at: number) => `postgres://usher@127.0.0.1:${at}/usher`;
  const admin = openDatabase(urlAt(port), { max: 1 });
  const frozen: number[] = [];
  return {
    wire: async (address) => createPostgresWire(urlAt(port), address, ignore),
    async fragileWire(address) {
      const proxy = await startTcpProxy(port);
      const wire = createPostgresWire(urlAt(proxy.port), address, ignore);
      return { wire, deafen: proxy.hush, heal: proxy.mend, close: proxy.close };
    },
    async kill() {
      process.kill(server.pid()!, "SIGQUIT"); // it ends at once, without a word to anybody
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
    say: async (cluster, text) => void (await admin.sql`SELECT pg_notify(${`usher_${cluster}`}, ${text})`),
    async close() {
      await admin.close();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});
