import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LoadingCache } from "../../src/identity/loading-cache.ts";
import { createLoader } from "../../src/platform/loader.ts";
import { createEpoch } from "../../src/platform/log/epoch.ts";
import { createLogTail } from "../../src/platform/log/tail.ts";
import { leaseNode } from "../../src/platform/nodes/lease.ts";
import { createBatcher } from "../../src/platform/postgres/batcher.ts";
import { toAppError } from "../../src/platform/postgres/database-errors.ts";
import { type EmbeddedPostgres, startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { migrateUp } from "../../src/platform/postgres/migrate.ts";
import { MIGRATIONS } from "../../src/platform/postgres/migration-sets.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { waitUntil } from "../support/wait-until.ts";

// A backend that is frozen with SIGSTOP takes a query and never responds. Whatever has one query in flight at a time
// must continue with the next one, or this node would never again post, read or renew its lease.

let folder: string;
let server: EmbeddedPostgres;
const frozen = new Set<number>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "usher-lost-response-"));
  server = await startEmbedded({ dataDir: folder, settings: { fsync: "off" } });
  await migrateUp(server.url, MIGRATIONS);
}, 60_000);

afterAll(async () => {
  for (const pid of frozen) process.kill(pid, "SIGCONT");
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** A pool of one connection, with a way to freeze its backend: the next statement gets no result. */
function openOne() {
  const { sql, close } = openDatabase(server.url, { max: 1, timeoutMs: 500 });
  return {
    sql,
    close,
    async freeze(): Promise<void> {
      const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      process.kill(row!.pid, "SIGSTOP");
      frozen.add(row!.pid);
    },
    async double(n: number): Promise<number> {
      const [row] = await sql<{ n: number }[]>`SELECT ${n}::int * 2 AS n`;
      return row!.n;
    },
  };
}

type DoubleNumber = (n: number) => Promise<number>;

/** Each part with one query in flight at a time, with a query that doubles a number. */
const GATES: Record<string, (double: DoubleNumber) => (n: number) => Promise<number | undefined>> = {
  "the batcher": (double) => createBatcher<number, number>({ run: (items) => Promise.all(items.map(double)) }).add,
  "the loader": (double) =>
    createLoader<number, number>({ maxBatch: 10, toText: String, read: (keys) => Promise.all(keys.map(double)) }),
  "identity's look-ups": (double) => {
    const load = async (keys: readonly string[]) =>
      new Map(await Promise.all(keys.map(async (key) => [key, await double(Number(key))] as const)));
    const lookup = new LoadingCache<number>(load, { now: () => 0 });
    return (n) => lookup.get(String(n));
  },
};

for (const [name, gate] of Object.entries(GATES)) {
  test.concurrent(`${name}: a lost response is unavailable, and the next query gets its result`, async () => {
    const { freeze, double, close } = openOne();
    const request = gate(double);
    expect(await request(1)).toBe(2);
    await freeze();
    expect(await request(2).catch(toAppError)).toMatchObject({ code: "unavailable" });
    expect(await request(3)).toBe(6);
    await close();
  }, 30_000);
}

test.concurrent("the log tail and the node's lease continue after a lost response", async () => {
  const { sql, freeze, close } = openOne();
  const failures: unknown[] = [];
  const onError = (error: unknown) => failures.push(toAppError(error));
  const lease = await leaseNode({ sql, onError });
  const tail = createLogTail({ sql, epoch: await createEpoch(sql), onError });
  const seen: string[] = [];
  await tail.addConsumer({
    name: "test",
    from: "now",
    handle: async ({ entries }) => void seen.push(...entries.map(({ room }) => room)),
  });
  await freeze();
  await waitUntil("a caller got no response", () => failures.length > 0);
  expect(failures[0]).toMatchObject({ code: "unavailable" });
  await sql`SELECT log_append(ARRAY['event:1'], ARRAY[1::bigint], ARRAY['test'], ARRAY['{}'], ARRAY[NULL])`;
  tail.notify();
  await waitUntil("the entry is received", () => seen.includes("event:1"));
  const renewed = async () => (await sql<{ at: string }[]>`SELECT seen_at::text AS at FROM nodes`)[0]!.at;
  const before = await renewed();
  await waitUntil("the lease is renewed", async () => (await renewed()) !== before);
  await tail.stop();
  await lease.stop();
  await close();
}, 60_000);
