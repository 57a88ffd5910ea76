import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDatabase } from "../../src/platform/postgres/database-server.ts";
import { type EmbeddedPostgres, startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { startTestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";

/** A folder that is copied or moved while its server runs, and a server whose socket is removed. */
setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "usher-copied-"));
  chmodSync(folder, 0o755); // Root has another user run the server.
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(dataDir: string, log: (line: string) => void = () => {}): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataDir, settings: { fsync: "off" }, log: (_, line) => log(line) });
  cleanups.push(() => server.stop());
  return server;
}

/** On a separate connection. */
async function rows(server: EmbeddedPostgres): Promise<number> {
  const { sql, close } = openDatabase(server.url, { max: 1 });
  try {
    await sql`CREATE TABLE IF NOT EXISTS facts (n int)`;
    return (await sql`INSERT INTO facts VALUES (1) RETURNING n`).length;
  } finally {
    await close();
  }
}

const getSocketFolder = (server: EmbeddedPostgres) => decodeURIComponent(new URL(server.url).hostname);

/** As `cp -a`: with owner and mode. */
function copy(from: string, to: string): void {
  expect(Bun.spawnSync(["cp", "-a", from, to]).exitCode).toBe(0);
}

test("a start on a copy of a running server's folder leaves that server and its socket alone", async () => {
  const folder = temporary();
  const original = await start(join(folder, "data"));
  await rows(original);
  const pid = original.pid()!;
  copy(join(folder, "data"), join(folder, "copy"));
  const second = await start(join(folder, "copy"));
  expect(await rows(second)).toBe(1);
  expect(existsSync(getSocketFolder(original))).toBe(true);
  expect(await rows(original)).toBe(1);
  expect(original.pid()).toBe(pid);
});

test("a copy that is put where a running server's folder was leaves that server alone, though its path is the same", async () => {
  const folder = temporary();
  const data = join(folder, "data");
  const original = await start(data);
  await rows(original);
  const pid = original.pid()!;
  // After the copy the server was started again: no process has the id in the copy.
  copy(data, join(folder, "copy"));
  process.kill(pid, "SIGKILL");
  await waitUntil("it is started again", async () => original.pid() !== null && (await rows(original)) === 1);
  renameSync(data, join(folder, "old"));
  renameSync(join(folder, "copy"), data);
  const second = await start(data);
  expect(await rows(second)).toBe(1);
  expect(await rows(original)).toBe(1);
});

test("a process that only has the folder as working directory is not treated as its server", async () => {
  const folder = temporary();
  await (await start(join(folder, "data"))).stop();
  const postgres = join(folder, "data/postgres");
  const visitor = Bun.spawn(["sleep", "60"], { cwd: postgres });
  cleanups.push(() => visitor.kill());
  writeFileSync(
    join(postgres, "postmaster.pid"),
    `${visitor.pid}\n${postgres}\n1700000000\n5432\n/tmp/usher-gone\n\n  1 2\nready   \n`,
  );
  expect(await rows(await start(join(folder, "data")))).toBe(1);
  expect([visitor.exitCode, visitor.signalCode]).toEqual([null, null]);
});

test("what an ended server left is removed, and a folder that is named by a copy's file is not", async () => {
  const folder = temporary();
  const data = join(folder, "data");
  await (await start(data)).stop();
  const pidFile = join(data, "postgres/postmaster.pid");
  const left = (of: string) => {
    const socketFolder = mkdtempSync(join(tmpdir(), "usher-"));
    cleanups.push(() => rmSync(socketFolder, { recursive: true, force: true }));
    writeFileSync(pidFile, `4194303\n${of}\n1700000000\n5432\n${socketFolder}\n\n  1 2\nready   \n`);
    return socketFolder;
  };
  const foreign = left(join(folder, "elsewhere/postgres"));
  await (await start(data)).stop();
  expect(existsSync(foreign)).toBe(true);
  const own = left(join(data, "postgres"));
  await start(data);
  expect(existsSync(own)).toBe(false);
});

test("a socket's folder that is removed is created again, and /ready reports it meanwhile", async () => {
  const logged: string[] = [];
  const dataDir = join(temporary(), "data");
  const server = await start(dataDir, (line) => logged.push(line));
  const seen = await connectDatabase({ DATABASE_URL: null, DATA_DIR: dataDir }, () => {});
  const app = await startTestApp({ DATABASE_URL: server.url, LOG_LEVEL: "silent" });
  cleanups.push(() => app.close());
  const ready = async () => {
    const response = await fetch(`${app.url}/ready`);
    return { code: response.status, ...((await response.json()) as { reason?: string }) };
  };
  expect([(await ready()).code, seen.isReachable()]).toEqual([200, true]);
  const socketFolder = getSocketFolder(server);
  rmSync(socketFolder, { recursive: true });
  // While the name is another's it cannot heal.
  writeFileSync(socketFolder, "");
  expect(seen.isReachable()).toBe(false);
  await waitUntil("it is not ready", async () => (await ready()).code === 503);
  expect(await ready()).toMatchObject({ reason: "postgres does not respond" });
  await waitUntil("it is tried", () => logged.some((line) => line.includes("belongs to another user by now")));
  expect(readFileSync(socketFolder, "utf8")).toBe("");
  rmSync(socketFolder);
  await waitUntil("it heals", async () => (await ready()).code === 200);
  expect(await rows(server)).toBe(1);
  expect(logged.join("\n")).toContain("The socket of the embedded PostgreSQL was removed");
});
