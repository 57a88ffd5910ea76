import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isUnavailable, toAppError } from "../../src/platform/postgres/database-errors.ts";
import { type EmbeddedPostgres, startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { type Database, openDatabase } from "../../src/platform/postgres/pool.ts";
import type { ISql } from "../../src/platform/postgres/sql.ts";
import { waitUntil } from "../support/wait-until.ts";

let folder: string;
let server: EmbeddedPostgres;
let observer: Database;
const frozen = new Set<number>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "usher-frozen-"));
  server = await startEmbedded({ dataDir: folder, settings: { fsync: "off" } });
  observer = openDatabase(server.url);
  await observer.sql`CREATE TABLE facts (n int)`;
}, 60_000);

afterAll(async () => {
  thaw();
  await observer.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

function freeze(...pids: number[]): void {
  for (const pid of pids) {
    process.kill(pid, "SIGSTOP");
    frozen.add(pid);
  }
}

function thaw(): void {
  for (const pid of frozen) process.kill(pid, "SIGCONT");
  frozen.clear();
}

async function backend(sql: ISql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  return row!.pid;
}

/** The response a user gets: each call must have one, within the test's time limit. */
function collectResults(calls: PromiseLike<unknown>[]): Promise<unknown[]> {
  return Promise.all(calls.map((call) => Promise.resolve(call).then(() => "done", toAppError)));
}

test("a frozen backend is given up as unavailable, alone and in a transaction; others continue meanwhile", async () => {
  const { sql, close } = openDatabase(server.url, { max: 3, timeoutMs: 500 });
  const inTransaction = sql.begin(async (tx) => {
    await tx`INSERT INTO facts VALUES (1)`;
    freeze(await backend(tx));
    await tx`INSERT INTO facts VALUES (2)`;
  });
  await waitUntil("the transaction's backend is frozen", () => frozen.size === 1);
  freeze(await backend(sql)); // of the connection that the next statement takes
  const alone = sql`INSERT INTO facts VALUES (3)`.then(() => "done");
  expect(await sql`SELECT 1 AS one`).toHaveLength(1);
  expect(await collectResults([inTransaction, alone])).toEqual([
    expect.objectContaining({ code: "unavailable" }),
    expect.objectContaining({ code: "unavailable" }),
  ]);
  thaw();
  // What was in a transaction is taken back; whether the other was done is unknown.
  const left = async () => (await observer.sql<{ n: number }[]>`SELECT n FROM facts WHERE n < 3`).length;
  const others = () => observer.sql`
    SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'`;
  await waitUntil("the frozen backends have ended", async () => (await others()).length === 0);
  expect(await left()).toBe(0);
  expect(await backend(sql)).toBeGreaterThan(0);
  await close();
}, 30_000);

test("a frozen server does not respond: each of many calls is unavailable, and the log says when the server responds again", async () => {
  const { sql, onReconnect, stats: numbers, close } = openDatabase(server.url, { max: 3, timeoutMs: 500 });
  let back = 0;
  onReconnect(() => back++);
  await sql`SELECT 1`;
  // The pool asks the server who it is meanwhile: a connection that is being made is in no list of backends yet.
  await waitUntil("the pool rests", () => numbers().waiting === 0 && numbers().idle === numbers().open);
  freeze(server.pid()!); // no new connections from here on
  const backends = await observer.sql<{ pid: number }[]>`
    SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'`;
  freeze(...backends.map(({ pid }) => pid));
  const calls = Array.from({ length: 9 }, (_, i) => (i % 2 ? sql.begin((tx) => backend(tx)) : backend(sql)));
  for (const result of await collectResults(calls)) expect(result).toMatchObject({ code: "unavailable" });
  const before = back;
  thaw();
  await waitUntil("the pool says that the server is back", () => back > before);
  expect(await collectResults([backend(sql), sql.begin((tx) => backend(tx))])).toEqual(["done", "done"]);
  await close();
}, 60_000);

test("the remaining statements of a transaction whose backend was killed run nowhere, while others keep the pool busy", async () => {
  const { sql, close } = openDatabase(server.url, { max: 2 });
  let stop = false;
  const busy = (async () => {
    while (!stop) await sql`SELECT 1`;
  })();
  for (let round = 0; round < 20; round++) {
    const work = sql.begin(async (tx) => {
      process.kill(await backend(tx), "SIGTERM");
      for (let i = 0; i < 20; i++) {
        await tx`INSERT INTO facts VALUES (${100 + round})`.catch(() => {});
        await Bun.sleep(1);
      }
    });
    expect(isUnavailable(await work.catch((error: unknown) => error))).toBe(true);
  }
  stop = true;
  await busy;
  expect(await observer.sql`SELECT FROM facts WHERE n >= 100`).toHaveLength(0);
  await close();
}, 60_000);
