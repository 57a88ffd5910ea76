import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { freePort } from "./free-port.ts";

/**
 * Starts a throw-away PostgreSQL on a TCP port of this machine, without fsync.
 * `url` is the superuser's, of the database `postgres`.
 */
export async function startTestServer(onPort?: number): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), "usher-test-"));
  const port = onPort ?? (await freePort());
  const server = await startEmbedded({
    dataDir,
    settings: {
      listen_addresses: "127.0.0.1",
      port: String(port),
      max_connections: "300",
      fsync: "off",
      full_page_writes: "off",
    },
  });
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

// As a program: runs the server until standard input ends, which it does when the process that started us has ended, or until
// a signal: `bun test` sends one to processes that a test file leaves.
if (import.meta.main) {
  const server = await startTestServer();
  const stop = () => void server.stop().then(() => process.exit(0));
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
  console.log(server.url);
  for await (const _ of Bun.stdin.stream());
  stop();
}
