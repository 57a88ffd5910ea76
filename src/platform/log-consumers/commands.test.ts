import { afterAll, beforeAll, expect, test } from "bun:test";
import { Registry } from "prom-client";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { pauseConsumer, replayConsumer, resumeConsumer } from "./commands.ts";
import { addConsumerMetrics } from "./metrics.ts";
import { listConsumers } from "./status.ts";

let database: TestDatabase;
let node: LogNode;
const seen: number[] = [];

beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url);
  await node.tail.addConsumer({
    name: "c",
    from: "stored",
    maxRows: 2,
    handle: async ({ entries }) => void seen.push(...entries.map(({ seq }) => seq)),
  });
});
afterAll(async () => {
  await node.stop();
  await database.close();
});

const append = (count: number) =>
  node.transaction({ actor: "1" }, async (tx) => {
    for (let n = 0; n < count; n++) tx.log("event:c", "test", {});
  });
const status = async () => (await listConsumers(node.sql)).find(({ name }) => name === "c")!;

test("a paused consumer handles nothing and lags, in entries and seconds; resumed, it goes on where it stopped", async () => {
  await append(3);
  await waitUntil("it has handled all", async () => seen.length === 3 && (await status()).lagEntries === 0);
  expect(await status()).toEqual({
    name: "c",
    isPaused: false,
    isBehindRetention: false,
    isOwned: true,
    lagSeconds: 0,
    lagEntries: 0,
    parked: 0,
  });

  await pauseConsumer(node.sql, "c");
  const [{ leased }] = (await node.sql`SELECT leased_until::text AS leased FROM log_consumers WHERE name = 'c'`) as [
    { leased: string },
  ];
  await waitUntil("its owner has learnt it", async () => {
    const [row] =
      await node.sql`SELECT leased_until > ${leased}::timestamptz AS renewed FROM log_consumers WHERE name = 'c'`;
    return row!.renewed;
  });
  await append(5);
  await waitUntil("it lags", async () => (await status()).lagEntries === 5);
  expect(await status()).toMatchObject({ isPaused: true, lagEntries: 5 });
  expect((await status()).lagSeconds).toBeGreaterThan(0);
  expect(seen).toEqual([1, 2, 3]);
  const registry = new Registry();
  addConsumerMetrics(registry, () => listConsumers(node.sql));
  const text = await registry.metrics();
  expect(text).toContain('usher_log_consumer_lag_entries{consumer="c"} 5\n');
  expect(text).toContain('usher_log_consumer_paused{consumer="c"} 1\n');
  await resumeConsumer(node.sql, "c");
  await waitUntil("it has handled all", () => seen.length === 8);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("a replay shows all entries since its position again, also when nothing new comes", async () => {
  const [row] = await node.sql<{ id: number }[]>`SELECT max(id)::float8 AS id FROM ticks`;
  await append(2);
  await waitUntil("it has handled them", () => seen.length === 10);
  await replayConsumer(node.sql, "c", row!.id);
  await waitUntil("it has handled them again", () => seen.length === 12);
  expect(seen.slice(-4)).toEqual([9, 10, 9, 10]);
  await replayConsumer(node.sql, "c", "oldest");
  await waitUntil("it has handled all again", () => seen.length === 22);
  expect(seen.slice(-10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await replayConsumer(node.sql, "c", "now");
  await append(1);
  await waitUntil("it goes on from now", () => seen.at(-1) === 11);
  expect(seen).toHaveLength(23);
});

test("a consumer that is not there, and a checkpoint that is not", async () => {
  for (const command of [pauseConsumer, resumeConsumer])
    expect(command(node.sql, "x")).rejects.toThrow('There is no log consumer "x".');
  expect(replayConsumer(node.sql, "x", "now")).rejects.toThrow('There is no log consumer "x".');
  expect(replayConsumer(node.sql, "c", 0)).rejects.toThrow("is no longer stored");
});
