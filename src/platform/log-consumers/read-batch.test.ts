import { afterAll, beforeAll, expect, test } from "bun:test";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { countRowsRead } from "../../../tests/support/rows-read.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { ConsumerBatch, ConsumerEntry, StoredConsumer } from "./consumer.ts";
import { createPosition, loadPosition } from "./position.ts";
import { readBatch } from "./read-batch.ts";

let database: TestDatabase;
let node: LogNode;

beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url);
});
afterAll(async () => {
  await node.stop();
  await database.close();
});

/** One transaction, and a checkpoint after it, whose id is returned. */
async function append(...entries: [room: string, type: string, text?: string][]): Promise<number> {
  await node.transaction({ actor: "1" }, async (tx) => {
    for (const [room, type, text = ""] of entries) tx.log(room, type, { text });
  });
  const [row] = await node.sql<{ id: number }[]>`SELECT pg_sleep(0.1), log_tick()::float8 AS id`;
  return row!.id;
}

async function startPosition(name: string, start: StoredConsumer["start"]): Promise<number> {
  await createPosition(node.sql, { name, ...(start === undefined ? {} : { start }) });
  return (await loadPosition(node.sql, name))!.checkpoint;
}

async function readAll(
  checkpoint: number,
  wanted: Partial<Parameters<typeof readBatch>[2]>,
): Promise<ConsumerEntry[][]> {
  const batches: ConsumerEntry[][] = [];
  for (let position = { checkpoint, within: null } as Parameters<typeof readBatch>[1]; ; ) {
    const { entries, next } = await readBatch(node.sql, position, {
      name: "test",
      filter: {},
      maxRows: 9,
      maxBytes: 1e6,
      ...wanted,
    });
    if (next === position) return batches;
    if (entries.length > 0) batches.push(entries);
    position = next;
  }
}

const names = (entries: readonly ConsumerEntry[]) => entries.map(({ room, seq }) => `${room} ${seq}`);

test("a consumer begins at the oldest checkpoint, at the present or at a given one, and later where it was", async () => {
  const [oldest] = await node.sql<{ id: number }[]>`SELECT min(id)::float8 AS id FROM ticks`;
  const middle = await append(["event:s", "a"]);
  const last = await append(["event:s", "a"]);
  expect(await startPosition("s-oldest", "oldest")).toBe(oldest!.id);
  expect(await startPosition("s-now", "now")).toBe(last);
  expect(await startPosition("s-default", undefined)).toBe(last);
  expect(await startPosition("s-given", middle)).toBe(middle);
  expect(await startPosition("s-given", "now")).toBe(middle);
  expect(startPosition("s-gone", oldest!.id - 1)).rejects.toThrow("is no longer stored");
});

test("a batch holds at most so many entries and bytes, goes on within a window, and each entry has the epoch", async () => {
  const begin = await append(["event:b0", "a"]);
  await append(...Array.from({ length: 10 }, (_, n) => [`event:b${n % 2}`, "a"] as [string, string]));
  const all = [1, 2, 3, 4, 5].flatMap((n) => [`event:b1 ${n}`, `event:b0 ${n + 1}`]).sort();
  const byRows = await readAll(begin, { maxRows: 4 });
  expect(byRows.map(({ length }) => length)).toEqual([4, 4, 2]);
  expect(names(byRows.flat()).sort()).toEqual(all);
  for (const room of ["event:b0", "event:b1"]) {
    const seqs = byRows.flat().flatMap((entry) => (entry.room === room ? [entry.seq] : []));
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  }
  const [{ bytes }] = (await node.sql`SELECT octet_length(payload) + octet_length(meta) AS bytes FROM log LIMIT 1`) as [
    { bytes: number },
  ];
  expect((await readAll(begin, { maxBytes: bytes * 3 })).map(({ length }) => length)).toEqual([3, 3, 3, 1]);
  expect((await readAll(begin, { maxBytes: 1 })).map(({ length }) => length)).toEqual(Array(10).fill(1));
  expect(new Set(byRows.flat().map(({ epoch }) => epoch))).toEqual(new Set([node.epoch.current()]));
});

test("a filter takes types and kinds of rooms; internal rooms come only by name, and what is not wanted is not read", async () => {
  const long = "x".repeat(10_000);
  const begin = await append(["event:f", "a"]);
  await append(["event:f", "a"], ["event:f", "b"], ["channel:f", "a", long], ["_internal", "a"], ["all", "b"]);
  const read = async (filter: StoredConsumer["filter"] & {}) => names((await readAll(begin, { filter })).flat()).sort();
  expect(await read({})).toEqual(["all 1", "channel:f 1", "event:f 2", "event:f 3"]);
  expect(await read({ types: ["b"] })).toEqual(["all 1", "event:f 3"]);
  expect(await read({ roomKinds: ["channel", "_internal"] })).toEqual(["_internal 1", "channel:f 1"]);
  expect(await read({ roomKinds: ["event"], types: ["a"] })).toEqual(["event:f 2"]);
  expect(await read({ roomKinds: [] })).toEqual([]);
});

test("a consumer that is far back costs what a batch holds, not what the log holds", async () => {
  await node.sql`INSERT INTO rooms (id, name, head) VALUES (2, 'event:late', 20000)`;
  const begin = await append(["event:f", "a"]);
  for (let n = 0; n < 20; n++) {
    await node.sql`
      INSERT INTO log (room_id, seq, at, type, payload)
      SELECT 2, ${n * 1_000}::int + s, clock_timestamp(), 'test', '{}' FROM generate_series(1, 1000) s`;
    await node.sql`INSERT INTO ticks (snap) VALUES (pg_current_snapshot())`;
  }
  await node.sql`ANALYZE log`;
  const read = await countRowsRead(node.sql, (sql) =>
    readBatch(sql, { checkpoint: begin, within: null }, { name: "test", filter: {}, maxRows: 1_000, maxBytes: 1e6 }),
  );
  expect(read).toBeLessThan(25_000);
});

test("of two batches from one position one is the consumer's: the other cannot move it", async () => {
  const seen: string[] = [];
  let late: ConsumerBatch | undefined;
  await node.tail.addConsumer({
    name: "conflict",
    from: "stored",
    maxRows: 2,
    filter: { roomKinds: ["conflict"] },
    async handle(batch) {
      late ??= batch;
      await node.sql.begin((tx) => batch.advance(tx));
      seen.push(...names(batch.entries));
    },
  });
  await append(["conflict:a", "a"], ["conflict:a", "a"], ["conflict:a", "a"]);
  await waitUntil("all are handled", () => seen.length === 3);
  expect(seen).toEqual(["conflict:a 1", "conflict:a 2", "conflict:a 3"]);
  expect(node.sql.begin((tx) => late!.advance(tx))).rejects.toThrow("Another process moved the position");
});
