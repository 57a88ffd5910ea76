import { afterAll, beforeAll, expect, test } from "bun:test";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { createLogReader, type LogReader } from "./reader.ts";

let database: TestDatabase;
let node: LogNode;
let reader: LogReader;

beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url);
  reader = createLogReader({ sql: node.sql, epoch: node.epoch });
});
afterAll(async () => {
  await node.stop();
  await database.close();
});

async function append(room: string, count: number, text = ""): Promise<void> {
  await node.transaction({ actor: "1", reason: "test" }, async (tx) => {
    for (let i = 0; i < count; i++) tx.log(room, "test", { i, text });
  });
}

test("a slice runs from since + 1 to the head", async () => {
  await append("event:a", 5);
  const { head, entries, complete } = await reader.slice("event:a", 2);
  expect({ head, complete, seqs: entries.map(({ seq }) => seq) }).toEqual({ head: 5, complete: true, seqs: [3, 4, 5] });
  expect(entries[0]).toEqual({ room: "event:a", seq: 3, type: "test", payload: '{"i":2,"text":""}' });
});

test("since at the head is complete and empty, beyond it is not complete", async () => {
  await append("event:b", 2);
  expect(await Promise.all([reader.slice("event:b", 2), reader.slice("event:b", 3)])).toEqual([
    { room: "event:b", head: 2, entries: [], complete: true },
    { room: "event:b", head: 2, entries: [], complete: false },
  ]);
});

test("a room that nothing was appended to has head 0, and reading makes no row for it", async () => {
  expect(await reader.slice("event:none", 0)).toEqual({ room: "event:none", head: 0, entries: [], complete: true });
  expect((await reader.slice("event:none", 1)).complete).toBe(false);
  expect(await node.sql`SELECT FROM rooms WHERE name = 'event:none'`).toHaveLength(0);
});

test("1,000 entries are returned, 1,001 are not", async () => {
  await append("event:c", 1_001);
  expect(await reader.slice("event:c", 0)).toEqual({ room: "event:c", head: 1_001, entries: [], complete: false });
  expect((await reader.slice("event:c", 1)).entries).toHaveLength(1_000);
});

test("more than 1 MB of payload is not returned", async () => {
  await append("event:d", 11, "x".repeat(100_000));
  expect((await reader.slice("event:d", 0)).complete).toBe(false);
  const slice = await reader.slice("event:d", 1);
  expect([slice.complete, slice.entries.length]).toEqual([true, 10]);
});

test("a hole that retention left is not complete and shows nothing", async () => {
  await append("event:e", 4);
  await node.sql`DELETE FROM log USING rooms r WHERE r.id = room_id AND r.name = 'event:e' AND seq <= 2`;
  expect(await reader.slice("event:e", 1)).toEqual({ room: "event:e", head: 4, entries: [], complete: false });
  expect((await reader.slice("event:e", 2)).complete).toBe(true);
});

test("10,000 reads of 300 rooms at once return the right entries, and are two queries", async () => {
  await node.transaction({ actor: "1" }, async (tx) => {
    for (let room = 0; room < 300; room++) for (let i = 0; i <= room % 3; i++) tx.log(`event:s${room}`, "test", { i });
  });
  const requests = Array.from({ length: 10_000 }, (_, i) => ({
    room: `event:s${i % 300}`,
    since: Math.floor(i / 300) % 2,
  }));
  let queries = 0;
  const counted = new Proxy(node.sql, {
    apply(target, self, args) {
      queries++;
      return Reflect.apply(target, self, args);
    },
  });
  const counting = createLogReader({ sql: counted, epoch: node.epoch });
  const slices = await Promise.all(requests.map(({ room, since }) => counting.slice(room, since)));
  slices.forEach(({ room, head, entries, complete }, i) => {
    const { room: name, since } = requests[i]!;
    const expected = (Number(name.slice("event:s".length)) % 3) + 1;
    expect([room, head, entries.length, complete]).toEqual([name, expected, expected - since, true]);
  });
  expect(queries).toBe(2);
});

test("a read that is sent after a commit shows it, however many reads are under way", async () => {
  for (let i = 1; i <= 50; i++) {
    const early = reader.slice("event:f", 0);
    await append("event:f", 1);
    const late = await reader.slice("event:f", 0);
    expect(late.head).toBe(i);
    await early;
  }
});

test("rooms that do not fit into one query are read by the next ones, and all are right", async () => {
  const rooms = Array.from({ length: 24 }, (_, i) => `event:big${i}`);
  await node.transaction({ actor: "1" }, async (tx) => {
    for (const [i, room] of rooms.entries())
      tx.log(room, "test", { text: String(i).repeat(900_000 / (i < 10 ? 1 : 2)) });
  });
  const perQuery: number[] = [];
  const watched = new Proxy(node.sql, {
    apply(target, self, args) {
      const rows = Reflect.apply(target, self, args);
      return rows.then((found: { payload: string | null }[]) => {
        perQuery.push(found.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0));
        return found;
      });
    },
  });
  const counting = createLogReader({ sql: watched, epoch: node.epoch });
  const slices = await Promise.all([...rooms, "event:none"].map((room) => counting.slice(room, 0)));
  for (const [i, { complete, entries }] of slices.entries())
    expect([complete, entries.length]).toEqual([true, i < 24 ? 1 : 0]);
  expect(Math.max(...perQuery)).toBeLessThanOrEqual(8 * 1_048_576);
});

test("of many rooms that missed much, one query reads no more than 9,000 entries; the next ones read the rest", async () => {
  const rooms = Array.from({ length: 12 }, (_, i) => `event:long${i}`);
  for (const room of rooms) await append(room, 1_000);
  const perQuery: number[] = [];
  const watched = new Proxy(node.sql, {
    apply(target, self, args) {
      const rows = Reflect.apply(target, self, args);
      return rows.then((found: { seq: number | null }[]) => {
        perQuery.push(found.filter(({ seq }) => seq !== null).length);
        return found;
      });
    },
  });
  const counting = createLogReader({ sql: watched, epoch: node.epoch });
  for (const { complete, entries } of await Promise.all(rooms.map((room) => counting.slice(room, 0))))
    expect([complete, entries.length]).toEqual([true, 1_000]);
  expect(perQuery.length).toBeGreaterThan(1);
  expect(Math.max(...perQuery)).toBeLessThanOrEqual(9_000);
});

test("heads of many rooms", async () => {
  await append("event:g", 3);
  const heads = await reader.heads(["event:g", "event:nowhere"]);
  expect([...heads]).toEqual([
    ["event:g", 3],
    ["event:nowhere", 0],
  ]);
});

test("the epoch is read with every slice, and observed before the slice is returned", async () => {
  const observed: string[] = [];
  node.epoch.onChange((epoch) => observed.push(epoch));
  const before = node.epoch.current();
  await node.sql`
    CREATE OR REPLACE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'another' $$`;
  await reader.slice("event:g", 0);
  expect([before === "another", node.epoch.current(), observed]).toEqual([false, "another", ["another"]]);
});
