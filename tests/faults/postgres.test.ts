import { afterEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { connectDatabase } from "../../src/platform/postgres/database-server.ts";
import { type EmbeddedPostgres, startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { explainFolderError } from "../../src/platform/postgres/initdb.ts";
import { type Database, openDatabase } from "../../src/platform/postgres/pool.ts";
import { waitUntil } from "../support/wait-until.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "usher-fault-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Without fsync unless asked: a killed process loses nothing that it gave to the system. */
async function start(dataDir: string, fsync: "on" | "off" = "off"): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataDir, settings: fsync === "on" ? {} : { fsync } });
  cleanups.push(() => server.stop());
  return server;
}

function open(url: string): Database {
  const database = openDatabase(url);
  cleanups.push(() => database.close());
  return database;
}

async function refusal(starting: Promise<unknown>): Promise<string> {
  const error = await starting.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toHaveProperty("name", "StartError");
  return error instanceof Error ? error.message : "";
}

test("a killed server comes back, the pool recovers and says so, and what was committed is there", async () => {
  const server = await start(dataFolder());
  const { sql, onReconnect } = open(server.url);
  let reconnects = 0;
  onReconnect(() => reconnects++);
  await sql`CREATE TABLE facts (n int)`;
  await sql`INSERT INTO facts VALUES (1)`;
  const first = server.pid()!;
  process.kill(first, "SIGKILL");
  const rows = await waitUntil("the server responds again", async () => {
    return server.pid() === first ? null : sql<{ n: number }[]>`SELECT n FROM facts`;
  });
  expect(rows.map(({ n }) => n)).toEqual([1]);
  await waitUntil("the pool says that the server is back", () => reconnects > 0);
});

test("a killed backend alone is survived", async () => {
  const server = await start(dataFolder());
  const { sql } = open(server.url);
  const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  process.kill(row!.pid, "SIGKILL");
  await waitUntil("the server responds again", () => sql`SELECT 1`);
});

test("a killed owner leaves its server running: the next start ends it, takes over and finds every committed row", async () => {
  const dataDir = dataFolder();
  const owner = Bun.spawn([process.execPath, join(import.meta.dirname, "postgres-owner.ts"), dataDir], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let committed = 0;
  let orphan = 0;
  for await (const line of createInterface({ input: Readable.fromWeb(owner.stdout as never) })) {
    const [word, number] = line.split(" ");
    if (word === "server") orphan = Number(number);
    else committed = Number(number);
    if (committed >= 50) owner.kill("SIGKILL");
  }
  await owner.exited;
  expect(existsSync(`/proc/${orphan}`) || process.platform !== "linux").toBe(true);

  const server = await start(dataDir);
  expect(server.pid()).not.toBe(orphan);
  const rows = await open(server.url).sql<{ n: number }[]>`SELECT n FROM facts ORDER BY n`;
  expect(rows.length).toBeGreaterThanOrEqual(committed);
  expect(rows.map(({ n }) => n)).toEqual(rows.map((_, index) => index + 1));
});

test("a postmaster.pid whose number belongs to a stranger by now does not stop the start, nor the stranger", async () => {
  const dataDir = dataFolder();
  await (await start(dataDir)).stop();
  const stranger = Bun.spawn(["sleep", "60"]);
  cleanups.push(() => stranger.kill());
  const folder = join(dataDir, "postgres");
  writeFileSync(
    join(folder, "postmaster.pid"),
    `${stranger.pid}\n${folder}\n1700000000\n5432\n/tmp/usher-gone\n\n  1 2\nready   \n`,
  );
  const server = await start(dataDir);
  expect(await open(server.url).sql`SELECT 1 AS one`).toHaveLength(1);
  expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
});

test("a second Usher on the same folder is refused in a sentence; a tool beside it uses the running server", async () => {
  const dataDir = dataFolder();
  await start(dataDir);
  expect(await refusal(startEmbedded({ dataDir }))).toMatch(
    new RegExp(`^Another Usher is running on this data folder \\(process ${process.pid};`),
  );
  const tool = await connectDatabase({ DATABASE_URL: null, DATA_DIR: dataDir }, () => {});
  expect(await open(tool.url).sql`SELECT 1 AS one`).toHaveLength(1);
  await tool.stop();
  expect(await open(tool.url).sql`SELECT 1 AS one`).toHaveLength(1);
});

test("a clean stop frees the folder, the socket and the process, and the next start is not a recovery", async () => {
  const dataDir = dataFolder();
  const first = await start(dataDir);
  const pid = first.pid()!;
  const socketFolder = decodeURIComponent(new URL(first.url).hostname);
  await first.stop();
  expect(existsSync(socketFolder)).toBe(false);
  expect(() => process.kill(pid, 0)).toThrow();
  const logged: string[] = [];
  const second = await startEmbedded({ dataDir, log: (_level, line) => logged.push(line) });
  await second.stop();
  expect(logged.join("\n")).not.toContain("not properly shut down");
});

test("it listens on no network address, and fsync and checksums are on", async () => {
  const server = await start(dataFolder(), "on");
  const rows = await open(server.url).sql<{ name: string; setting: string }[]>`
    SELECT name, setting FROM pg_settings
    WHERE name IN ('listen_addresses', 'fsync', 'full_page_writes', 'data_checksums', 'synchronous_commit') ORDER BY name`;
  expect(rows.map(({ name, setting }) => `${name}=${setting}`)).toEqual([
    "data_checksums=on",
    "fsync=on",
    "full_page_writes=on",
    "listen_addresses=",
    "synchronous_commit=on",
  ]);
});

test("a folder of another PostgreSQL version is left alone, with what to do", async () => {
  const dataDir = dataFolder();
  mkdirSync(join(dataDir, "postgres"));
  writeFileSync(join(dataDir, "postgres/PG_VERSION"), "17\n");
  expect(await refusal(startEmbedded({ dataDir }))).toContain(
    "was made by PostgreSQL 17, and this Usher brings PostgreSQL 18",
  );
  expect(readFileSync(join(dataDir, "postgres/PG_VERSION"), "utf8")).toBe("17\n");
});

test("a folder of another user is refused with what to do", async () => {
  const root = process.geteuid?.() === 0;
  const program = join(import.meta.dirname, "../../src/platform/postgres/system-user.ts");
  const child = Bun.spawn(
    [process.execPath, "-e", `import { findPostgresUser } from "${program}"; findPostgresUser("/");`],
    {
      ...(root ? { uid: 65_534, gid: 65_534 } : {}),
      cwd: "/",
      stderr: "pipe",
    },
  );
  expect(await new Response(child.stderr).text()).toMatch(
    /StartError: \/ belongs to another user \(uid 0; Usher runs as uid \d+\)/,
  );
  expect(await child.exited).toBe(1);
});

test("a full disk and a closed folder become sentences", () => {
  const initdb = new Error("initdb: error: could not write to file: No space left on device");
  expect(String(explainFolderError(initdb, "/data"))).toContain("The disk of /data is full.");
  const closed = Object.assign(new Error("EACCES: permission denied, mkdir '/data'"), { code: "EACCES" });
  expect(String(explainFolderError(closed, "/data"))).toContain("/data cannot be written");
});

test("a folder with something else in it is left alone", async () => {
  const dataDir = dataFolder();
  mkdirSync(join(dataDir, "postgres"));
  writeFileSync(join(dataDir, "postgres/letter.txt"), "keep me");
  expect(await refusal(startEmbedded({ dataDir }))).toContain("holds files, but no PostgreSQL data");
  expect(readFileSync(join(dataDir, "postgres/letter.txt"), "utf8")).toBe("keep me");
});

test("a start that was cut while it created the cluster starts again", async () => {
  const dataDir = dataFolder();
  mkdirSync(join(dataDir, "postgres.new/base"), { recursive: true });
  writeFileSync(join(dataDir, "postgres.new/PG_VERSION"), "18\n");
  const server = await start(dataDir);
  expect(await open(server.url).sql`SELECT 1 AS one`).toHaveLength(1);
});

/** What root alone can try. */
const asRoot = test.skipIf(process.geteuid?.() !== 0);
const SHARED_UID = Number(spawnSync("id", ["-u", "nobody"], { encoding: "utf8" }).stdout);
const may = (flag: "-r" | "-x", path: string, uid: number) =>
  spawnSync("test", [flag, path], { uid, gid: uid, cwd: "/" }).status === 0;

asRoot(
  "started as root, the server has its own user: no other user reads its files or reaches its socket",
  async () => {
    const dataDir = dataFolder();
    const server = await start(dataDir);
    const folder = join(dataDir, "postgres");
    const socketFolder = decodeURIComponent(new URL(server.url).host);
    const owner = statSync(folder).uid;
    expect([0, SHARED_UID]).not.toContain(owner);
    expect(readFileSync("/etc/passwd", "utf8")).not.toContain(`:${owner}:`);
    expect(readFileSync(`/proc/${server.pid()}/status`, "utf8")).toContain(`Uid:\t${owner}\t${owner}`);
    for (const uid of [SHARED_UID, owner + 1]) {
      expect([may("-r", join(folder, "PG_VERSION"), uid), may("-x", folder, uid)]).toEqual([false, false]);
      expect(may("-x", socketFolder, uid)).toBe(false);
    }
    expect(may("-r", join(folder, "PG_VERSION"), owner)).toBe(true);
  },
);

asRoot(
  "a folder owned by the user nobody before is taken over with its contents, also when that was cut off in the middle",
  async () => {
    const dataDir = dataFolder();
    const first = await start(dataDir);
    const before = openDatabase(first.url);
    await before.sql`CREATE TABLE facts (n int)`;
    await before.sql`INSERT INTO facts VALUES (7)`;
    await before.close();
    await first.stop();
    const folder = join(dataDir, "postgres");
    spawnSync("chown", ["-R", `${SHARED_UID}:${SHARED_UID}`, folder]);
    chownSync(join(folder, "PG_VERSION"), 61_001, 61_001);
    const second = await start(dataDir);
    expect(statSync(folder).uid).not.toBe(SHARED_UID);
    const rows = await open(second.url).sql<{ n: number }[]>`SELECT n FROM facts`;
    expect(rows.map(({ n }) => n)).toEqual([7]);
  },
);

asRoot("where it cannot have a user of its own it starts, and says who can read it", async () => {
  const dataDir = dataFolder();
  const first = await start(dataDir);
  await first.stop();
  const folder = join(dataDir, "postgres");
  // A log of its own on another disk, as some have it.
  const elsewhere = mkdtempSync(join(tmpdir(), "usher-fault-wal-"));
  cleanups.push(() => rmSync(elsewhere, { recursive: true, force: true }));
  renameSync(join(folder, "pg_wal"), join(elsewhere, "pg_wal"));
  symlinkSync(join(elsewhere, "pg_wal"), join(folder, "pg_wal"));
  spawnSync("chown", ["-R", `${SHARED_UID}:${SHARED_UID}`, folder, elsewhere]);
  const lines: string[] = [];
  const server = await startEmbedded({ dataDir, settings: { fsync: "off" }, log: (_, line) => lines.push(line) });
  cleanups.push(() => server.stop());
  expect(lines.find((line) => line.includes("could not be given a user of its own"))).toContain(`user ${SHARED_UID}`);
});

test("a failed statement is an error for its caller, and no warning of the server", async () => {
  const warned: string[] = [];
  const log = (level: string, line: string) => level === "warn" && warned.push(line);
  const server = await startEmbedded({ dataDir: dataFolder(), settings: { fsync: "off" }, log });
  cleanups.push(() => server.stop());
  const { sql } = open(server.url);
  await sql`CREATE TABLE t (id int PRIMARY KEY)`;
  await sql`INSERT INTO t VALUES (1)`;
  const refused = sql`
    INSERT INTO t
    VALUES (1)`.then(() => null);
  await expect(refused).rejects.toThrow("duplicate key");
  // Written after it, so the lines before it are there when it is.
  await sql`DO $$ BEGIN RAISE WARNING 'two
lines'; END $$`;
  await waitUntil("the warning is logged", () => warned.some((line) => line.includes("lines")));
  expect(warned.slice(0, 2)).toEqual(["WARNING:  two", "\tlines"]);
  // Its position, and the statement.
  expect(warned.slice(2).join("\n")).not.toContain("INSERT");
}, 60_000);
