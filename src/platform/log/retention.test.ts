import { afterAll, beforeEach, expect, test } from "bun:test";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { pauseConsumer, replayConsumer, resumeConsumer } from "../log-consumers/commands.ts";
import { listConsumers } from "../log-consumers/status.ts";
import { runRetentionPass } from "./retention.ts";

const HOUR = 3_600_000;
const PLENTY = { retentionMs: 48 * HOUR, maxBytes: 1e12 };

const databases: TestDatabase[] = [];
const nodes: LogNode[] = [];
let node: LogNode;

beforeEach(async () => {
  const database = await testDatabase();
  databases.push(database);
  node = await startLogNode(database.url);
  nodes.push(node);
});
afterAll(async () => {
  for (const one of nodes) await one.stop();
  for (const database of databases) await database.close();
});

/** A partition that ended `hours` ago, with one entry that is committed now. */
async function oldPartition(hours: number): Promise<string> {
  const name = `log_old_${hours}`;
  await node.sql.unsafe(`
    CREATE TABLE ${name} (LIKE log INCLUDING ALL);
    DO $$ BEGIN EXECUTE format('ALTER TABLE log ATTACH PARTITION ${name} FOR VALUES FROM (%L) TO (%L)',
      date_trunc('hour', now()) - interval '${hours + 2} hours', date_trunc('hour', now()) - interval '${hours} hours'); END $$;
    INSERT INTO log (room_id, seq, at, type, payload)
      VALUES (1, ${hours}, date_trunc('hour', now()) - interval '${hours + 1} hours', 'test', '{"id":1}');`);
  return name;
}

test("partitions are made 42 hours ahead, and again when they are missing", async () => {
  expect((await runRetentionPass(node.sql, PLENTY)).made).toBe(0);
  const [last] =
    await node.sql`SELECT max(inhrelid::regclass::text) AS name FROM pg_inherits WHERE inhparent = 'log'::regclass`;
  await node.sql.unsafe(`DROP TABLE ${last!.name}`);
  expect((await runRetentionPass(node.sql, PLENTY)).made).toBe(1);
  const [row] = await node.sql`SELECT count(*)::int AS n FROM pg_inherits WHERE inhparent = 'log'::regclass`;
  expect(row!.n).toBeGreaterThanOrEqual(9);
});

test("a partition goes when all of it is older than the retention", async () => {
  const old = await oldPartition(50);
  await oldPartition(40);
  expect(await runRetentionPass(node.sql, PLENTY)).toMatchObject({ dropped: [old], blocked: null });
  expect(await runRetentionPass(node.sql, PLENTY)).toMatchObject({ dropped: [], blocked: null });
});

test("above the maximum bytes the oldest partitions go first, and the present one stays", async () => {
  await node.transaction({ actor: "1" }, async (tx) => tx.log("event:a", "test", {}));
  // Beyond the 12 hours at most that the one before the present reaches back.
  const [older, newer] = [await oldPartition(30), await oldPartition(20)];
  const { dropped } = await runRetentionPass(node.sql, { ...PLENTY, maxBytes: 1 });
  expect(dropped.slice(0, 2)).toEqual([older, newer]); // the one before the present, which is empty, may follow
  expect(await node.sql`SELECT FROM log`).toHaveLength(1);
});

test("a partition stays until every stored consumer has passed it, and the one that blocks it is named", async () => {
  const { sql } = node;
  await sql`INSERT INTO log_readers (name, tick) SELECT n, max(t.id) FROM ticks t, (VALUES ('quick'), ('slow')) r(n) GROUP BY n`;
  const old = await oldPartition(50);
  /** A checkpoint at which everything that began before the partition's last entry, plus `more` transactions, had ended. */
  const tickAt = async (more: number) => {
    const [row] = await sql<{ id: string }[]>`
      INSERT INTO ticks (snap) SELECT (x || ':' || x || ':')::pg_snapshot
      FROM (SELECT (max(xid)::text::bigint + ${more})::text AS x FROM ${sql(old)}) last RETURNING id`;
    return row!.id;
  };
  const [before, after] = [await tickAt(0), await tickAt(1)];
  await sql`UPDATE log_readers SET tick = CASE name WHEN 'quick' THEN ${after}::bigint ELSE ${before}::bigint END`;
  expect(await runRetentionPass(sql, PLENTY)).toMatchObject({
    dropped: [],
    blocked: { partition: old, consumer: "slow" },
  });
  await sql`UPDATE log_readers SET tick = ${after}`;
  expect(await runRetentionPass(sql, PLENTY)).toMatchObject({ dropped: [old], blocked: null });
});

test("a consumer that holds the log for too long, or too much of it, is behind retention, and retention goes on", async () => {
  const { sql } = node;
  const seen: number[] = [];
  await node.tail.addConsumer({
    name: "late",
    from: "stored",
    handle: async ({ entries }) => void seen.push(...entries.map(({ seq }) => seq)),
  });
  await pauseConsumer(sql, "late");
  const held = await oldPartition(50);
  expect(await runRetentionPass(sql, PLENTY)).toMatchObject({
    dropped: [],
    blocked: { partition: held, consumer: "late" },
  });
  const old = await oldPartition(100);
  const read = async () => (await listConsumers(sql)).map(({ name, isBehindRetention }) => [name, isBehindRetention]);
  expect(await read()).toEqual([["late", false]]);
  const [before] = await sql`SELECT tick FROM log_readers`;
  expect(await runRetentionPass(sql, PLENTY)).toMatchObject({
    dropped: [old, held],
    behindRetention: ["late"],
    blocked: null,
  });
  expect(await read()).toEqual([["late", true]]);
  const [after] = await sql`SELECT lost_checkpoint FROM log_consumers`;
  expect(after!.lost_checkpoint).toBe(before!.tick);

  // It handles nothing until it is moved, also when it is resumed.
  await resumeConsumer(sql, "late");
  await node.transaction({ actor: "1" }, async (tx) => tx.log("event:late", "test", {}));
  await sql`SELECT pg_sleep(0.1), log_tick()`;
  await replayConsumer(sql, "late", "now");
  await node.transaction({ actor: "1" }, async (tx) => tx.log("event:late", "test", {}));
  await waitUntil("it goes on", () => seen.length > 0);
  expect(seen).toEqual([2]);
  expect(await read()).toEqual([["late", false]]);

  await pauseConsumer(sql, "late");
  const much = await oldPartition(20);
  expect(await runRetentionPass(sql, { ...PLENTY, maxBytes: 1 })).toMatchObject({ behindRetention: ["late"] });
  expect([...(await sql`SELECT FROM pg_class WHERE relname = ${much}`)]).toEqual([]);
});

test("a drop that has to wait for a long read does not block an append", async () => {
  const old = await oldPartition(50);
  const reading = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const read = node.sql.begin(async (tx) => {
    await tx`SELECT FROM log LIMIT 1`;
    reading.resolve();
    await release.promise;
  });
  await reading.promise;
  const pass = runRetentionPass(node.sql, PLENTY);
  for (let i = 0; i < 20; i++) await node.transaction({ actor: "1" }, async (tx) => tx.log("event:a", "test", {}));
  release.resolve();
  await read;
  expect((await pass).dropped).toEqual([old]);
});

test("checkpoints go after an hour, but not the newest, not a consumer's, and not one of each five minutes", async () => {
  const { sql } = node;
  const add = (age: string, count: number) =>
    sql`INSERT INTO ticks (snap, at) SELECT pg_current_snapshot(), now() - ${age}::interval FROM generate_series(1, ${count}::int)`;
  await add("100 years", 2);
  const [first] = await sql`SELECT max(id) + 1 AS id FROM ticks`;
  await add("2 hours", 5);
  const [mine] = await sql`SELECT max(id) - 1 AS id FROM ticks`;
  await sql`INSERT INTO log_readers (name, tick) VALUES ('mine', ${mine!.id})`;
  await runRetentionPass(sql, PLENTY);
  const left = await sql`SELECT id FROM ticks WHERE at < now() - interval '1 hour' ORDER BY id`;
  expect(left.map(({ id }) => Number(id))).toEqual([Number(first!.id), Number(mine!.id), Number(mine!.id) + 1]);
});
