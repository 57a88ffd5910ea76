import { afterAll, beforeAll, expect, test } from "bun:test";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { Sql } from "../postgres/sql.ts";
import { createLogTail } from "./tail.ts";
import type { TailEntry } from "./windows.ts";

let database: TestDatabase;
let node: LogNode;
const failures: [unknown, string | null][] = [];

beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url);
});
afterAll(async () => {
  await node.stop();
  await database.close();
});

const deps = () => ({
  epoch: node.epoch,
  onError: (...failure: [unknown, string | null]) => void failures.push(failure),
});

function newTail() {
  return createLogTail({ sql: node.sql, ...deps() });
}

/** The same database; `count` sees what each query brings. */
function counted(sql: Sql, count: (rows: readonly object[]) => void): Sql {
  const run = (strings: TemplateStringsArray, ...values: unknown[]) => {
    const query = (sql as (...args: unknown[]) => Promise<object[]>)(strings, ...values);
    const then = query.then.bind(query);
    // biome-ignore lint/suspicious/noThenProperty: awaiting is what sends it.
    query.then = ((done: (rows: object[]) => unknown, failed: (error: unknown) => unknown) =>
      then((rows) => {
        count(rows);
        return done(rows);
      }, failed)) as typeof query.then;
    return query;
  };
  return Object.assign(run, sql) as unknown as Sql;
}

async function append(room: string, id: number): Promise<void> {
  await node.transaction({ actor: "9" }, async (tx) => tx.log(room, "test", { id }));
}

function getIds(entries: readonly TailEntry[]): number[] {
  return entries.map(({ payload }) => JSON.parse(payload).id);
}

test("an entry is delivered with its room, time and actor", async () => {
  const tail = newTail();
  const seen: TailEntry[] = [];
  await tail.addConsumer({ name: "a", from: "now", handle: async ({ entries }) => void seen.push(...entries) });
  await append("event:a", 1);
  await waitUntil("the entry is delivered", () => seen.length > 0);
  expect(seen[0]).toMatchObject({ room: "event:a", seq: 1, type: "test", payload: '{"id":1}', meta: '{"actor":"9"}' });
  expect(Math.abs(seen[0]!.at - Date.now())).toBeLessThan(60_000);
  await tail.stop();
});

test("a consumer gets what it needs, and the other entries are not read from the database", async () => {
  let read = 0;
  const seen: TailEntry[] = [];
  const windows: number[] = [];
  const checked: string[] = [];
  const tail = createLogTail({ sql: counted(node.sql, (rows) => (read += JSON.stringify(rows).length)), ...deps() });
  await tail.addConsumer({
    name: "t",
    from: "now",
    needs: (room, seq) => checked.push(`${room} ${seq}`) > 0 && room === "event:t2" && seq > 30,
    handle: async ({ entries }) => {
      seen.push(...entries);
      windows.push(entries.length);
    },
  });
  await node.transaction({ actor: "9" }, async (tx) => {
    for (let id = 1; id <= 400; id++) tx.log(`event:t${id % 4}`, "test", { id, text: "x".repeat(1_000) });
  });
  await waitUntil("what it needs is delivered", () => seen.length >= 70);
  expect(seen.map(({ room, seq }) => `${room} ${seq}`)).toEqual(
    Array.from({ length: 70 }, (_, i) => `event:t2 ${i + 31}`),
  );
  expect(seen[0]).toMatchObject({ type: "test", meta: '{"actor":"9"}' });
  expect(new Set(checked).size).toBe(400);
  // 70 of the 400 kB.
  expect(read).toBeGreaterThan(70_000);
  expect(read).toBeLessThan(100_000);
  await append("event:t1", 1);
  await waitUntil("it is called with a window of which it needs nothing", () => windows.at(-1) === 0);
  await tail.stop();
});

test("a consumer that needs most entries costs one read of a window, and none when another one reads the window whole", async () => {
  let reads = 0;
  const needed: number[] = [];
  const all: number[] = [];
  const tail = createLogTail({
    sql: counted(node.sql, (rows) => (reads += rows[0] && "payload" in rows[0] ? 1 : 0)),
    ...deps(),
  });
  const read = (name: string, ids: number[], more: { needs?: () => boolean }) =>
    tail.addConsumer({ name, from: "now", handle: async ({ entries }) => void ids.push(...getIds(entries)), ...more });
  await read("t-needs", needed, { needs: () => true });
  for (let id = 1; id <= 3; id++) {
    await append("event:t5", id);
    await waitUntil("it is delivered", () => needed.length === id);
  }
  expect(reads).toBe(3);
  await read("t-all", all, {});
  await append("event:t5", 4);
  await waitUntil("both have it", () => needed.length === 4 && all.length === 1);
  expect(reads).toBe(4);
  await tail.stop();
});

test("a stored consumer goes on after a restart where it stopped, one in memory begins at the present", async () => {
  const seen: Record<string, number[]> = { stored: [], now: [] };
  const read = async () => {
    const tail = newTail();
    for (const from of ["stored", "now"] as const) {
      await tail.addConsumer({
        name: `b-${from}`,
        from,
        handle: async ({ entries }: { entries: readonly TailEntry[] }) => void seen[from]!.push(...getIds(entries)),
      });
    }
    return tail;
  };
  const first = await read();
  await append("event:b", 1);
  await waitUntil("both have seen the first", () => seen.stored!.length === 1 && seen.now!.length === 1);
  await first.stop();
  await append("event:b", 2);
  await node.sql`SELECT pg_sleep(0.1), log_tick()`;
  const second = await read();
  await append("event:b", 3);
  await waitUntil("both have seen the last", () => seen.stored!.length === 3 && seen.now!.length === 2);
  expect(seen).toEqual({ stored: [1, 2, 3], now: [1, 3] });
  await second.stop();
});

test("a consumer that fails is tried again, and blocks no other", async () => {
  const tail = newTail();
  const good: number[] = [];
  const bad: number[] = [];
  failures.length = 0;
  await tail.addConsumer({
    name: "c-bad",
    from: "stored",
    handle({ entries }) {
      if (good.length < 3) return Promise.reject(new Error("not yet"));
      bad.push(...getIds(entries));
      return Promise.resolve();
    },
  });
  await tail.addConsumer({
    name: "c-good",
    from: "now",
    handle: async ({ entries }) => void good.push(...getIds(entries)),
  });
  for (const id of [1, 2, 3]) {
    await append("event:c", id);
    await waitUntil("the good consumer has seen it", () => good.length === id);
  }
  await waitUntil("the bad consumer has caught up", () => bad.length === 3);
  expect([good, bad]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(failures.length).toBeGreaterThan(0);
  expect(failures.every(([error, consumer]) => consumer === "c-bad" && String(error) === "Error: not yet")).toBe(true);
  await tail.stop();
});

test("a consumer that failed waits its own time, however much others commit meanwhile", async () => {
  const tail = newTail();
  const tries: number[] = [];
  const good: number[] = [];
  failures.length = 0;
  await tail.addConsumer({
    name: "c-poisoned",
    from: "now",
    handle() {
      tries.push(good.length);
      return Promise.reject(new Error("poison"));
    },
  });
  await tail.addConsumer({
    name: "c-other",
    from: "now",
    handle: async ({ entries }) => void good.push(...getIds(entries)),
  });
  // Each in a checkpoint of its own: a back-off that a checkpoint ends would try at every one.
  const began = performance.now();
  for (let id = 1; id <= 20; id++) {
    await append("event:c2", id);
    await waitUntil("the other consumer has seen it", () => good.length === id);
  }
  // 100, 200, 400 … ms: so many tries fit into the time that it took.
  const fitting = Math.ceil(Math.log2((performance.now() - began) / 100 + 1)) + 1;
  expect(tries.length).toBeLessThanOrEqual(fitting);
  expect(tries.length).toBeGreaterThan(0);
  await tail.stop();
});

test("two processes with one stored consumer: effects in the position's transaction happen once", async () => {
  await node.sql`CREATE TABLE effects (room text, seq bigint)`;
  const tails = [newTail(), newTail()];
  failures.length = 0;
  for (const tail of tails) {
    await tail.addConsumer({
      name: "d",
      from: "stored",
      handle: ({ entries, advance: move }) =>
        node.sql.begin(async (tx) => {
          for (const { room, seq } of entries) await tx`INSERT INTO effects VALUES (${room}, ${seq})`;
          await move(tx);
        }) as Promise<void>,
    });
  }
  for (let id = 1; id <= 30; id++) {
    await append("event:d", id);
    await Bun.sleep(10);
  }
  const count = async () => (await node.sql`SELECT FROM effects WHERE room = 'event:d'`).length;
  await waitUntil("all effects are there", async () => (await count()) >= 30);
  await Promise.all(tails.map((tail) => tail.stop()));
  expect(await count()).toBe(30);
  expect(failures).toEqual([]);
});

test("of four processes with one stored consumer one reads each batch, and another goes on when it stops", async () => {
  await node.sql`CREATE TABLE shared_effects (seq bigint)`;
  const tails = Array.from({ length: 4 }, newTail);
  let batches = 0;
  const began = performance.now();
  for (const tail of tails)
    await tail.addConsumer({
      name: "d4",
      from: "stored",
      async handle({ entries, advance: move }) {
        if (entries.every(({ room }) => room !== "event:d4")) return;
        batches++;
        await node.sql.begin(async (tx) => {
          await move(tx);
          for (const { room, seq } of entries)
            if (room === "event:d4") await tx`INSERT INTO shared_effects VALUES (${seq})`;
        });
      },
    });
  const seqs = async () => (await node.sql`SELECT seq FROM shared_effects ORDER BY seq`).map(({ seq }) => Number(seq));
  let id = 0;
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 10; n++) {
      await append("event:d4", ++id);
      await waitUntil("one process has it", async () => (await seqs()).length === id);
    }
    if (round < 3) await tails[round]!.stop();
  }
  // One for each entry, and one for each process and pause that tried and was late.
  const pauses = (performance.now() - began) / 1_000;
  expect(batches).toBeLessThanOrEqual(40 + 4 * (pauses + 2));
  expect(await seqs()).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
  await tails[3]!.stop();
});

test("a consumer in memory whose checkpoint was trimmed is interrupted, and goes on", async () => {
  const tail = newTail();
  const seen: number[] = [];
  let interrupted = 0;
  let release = Promise.withResolvers<void>();
  await tail.addConsumer({
    name: "e",
    from: "now",
    async handle({ entries }) {
      seen.push(...getIds(entries));
      await release.promise;
    },
    interrupted: async () => void interrupted++,
  });
  await append("event:e", 1);
  await waitUntil("the first is delivered", () => seen.length === 1);
  await append("event:e", 2);
  await waitUntil("a checkpoint covers the second", async () => {
    const [row] =
      await node.sql`SELECT count(*)::int AS n FROM log WHERE xid >= pg_snapshot_xmax((SELECT snap FROM ticks ORDER BY id DESC LIMIT 1))`;
    return row!.n === 0;
  });
  await node.sql`DELETE FROM log_readers`;
  await node.sql`DELETE FROM ticks WHERE id < (SELECT max(id) FROM ticks)`;
  release.resolve();
  release = Promise.withResolvers();
  release.resolve();
  await waitUntil("it is interrupted", () => interrupted === 1);
  await append("event:e", 3);
  await waitUntil("it goes on", () => seen.includes(3));
  await tail.stop();
});

test("another epoch interrupts consumers in memory", async () => {
  const tail = newTail();
  let interrupted = 0;
  await tail.addConsumer({
    name: "f",
    from: "now",
    handle: () => Promise.resolve(),
    interrupted: async () => void interrupted++,
  });
  await append("event:f", 1);
  await node.sql`CREATE OR REPLACE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'another' $$`;
  await waitUntil("it is interrupted", () => interrupted === 1);
  expect(node.epoch.current()).toBe("another");
  await tail.stop();
});

test("what a consumer does about an interruption is tried until it succeeds, before it goes on", async () => {
  const tail = newTail();
  const calls: string[] = [];
  failures.length = 0;
  await tail.addConsumer({
    name: "g",
    from: "now",
    handle: async ({ entries }) => void calls.push(...getIds(entries).map((id) => `entry ${id}`)),
    async interrupted() {
      calls.push("interrupted");
      if (calls.length === 1) {
        await append("event:g", 1);
        throw new Error("no heads yet");
      }
      if (calls.length === 2) throw new Error("still no heads");
    },
  });
  await node.sql`CREATE OR REPLACE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'a third' $$`;
  await waitUntil("it is interrupted a third time", () => calls.length >= 3);
  await append("event:g", 2);
  await waitUntil("it goes on", () => calls.includes("entry 2"));
  expect(calls.filter((call) => call === "interrupted")).toHaveLength(3);
  expect(calls.slice(0, 3)).toEqual(["interrupted", "interrupted", "interrupted"]);
  expect(failures.map(([error, consumer]) => [String(error), consumer])).toEqual([
    ["Error: no heads yet", "g"],
    ["Error: still no heads", "g"],
  ]);
  await tail.stop();
});

test("another epoch that a read of a room observed first interrupts all the same", async () => {
  const tail = newTail();
  let interrupted = 0;
  await tail.addConsumer({
    name: "h",
    from: "now",
    handle: () => Promise.resolve(),
    interrupted: async () => void interrupted++,
  });
  await node.sql.begin(async (tx) => {
    await tx`CREATE OR REPLACE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'a fourth' $$`;
    node.epoch.observe("a fourth"); // as a read of a room does
  });
  await waitUntil("it is interrupted", () => interrupted === 1);
  await tail.stop();
});

test("after the log went back in time a consumer gets what is there now, not what was between the same checkpoints before", async () => {
  const tail = newTail();
  const seen: number[] = [];
  await node.sql`SELECT pg_sleep(0.1), log_tick()`;
  const [begin] = await node.sql<{ tick: string }[]>`SELECT max(id) AS tick FROM ticks`;
  await tail.addConsumer({
    name: "i",
    from: "stored",
    handle: async ({ entries }) => void seen.push(...getIds(entries)),
  });
  await append("event:i", 1);
  await waitUntil("the first is delivered", async () => {
    const [row] = await node.sql`SELECT tick > ${begin!.tick} AS moved FROM log_readers WHERE name = 'i'`;
    return seen.length === 1 && row!.moved;
  });
  await node.sql.begin(async (tx) => {
    await tx`DELETE FROM log WHERE room_id = (SELECT id FROM rooms WHERE name = 'event:i')`;
    await tx`UPDATE rooms SET head = 0 WHERE name = 'event:i'`;
    await tx`UPDATE log_readers SET tick = ${begin!.tick}`;
    await tx`DELETE FROM ticks WHERE id > ${begin!.tick}`;
    await tx`CREATE OR REPLACE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'a fifth' $$`;
  });
  await append("event:i", 2);
  await waitUntil("what is there now is delivered", () => seen.includes(2));
  expect(seen).toEqual([1, 2]);
  await tail.stop();
});

test("a batch that fails while the tail stops does not delay the stop", async () => {
  const tail = newTail();
  let tries = 0;
  const last = Promise.withResolvers<void>();
  await tail.addConsumer({
    name: "j",
    from: "now",
    async handle() {
      tries++;
      if (tries === 5) await last.promise;
      throw new Error("never");
    },
  });
  await append("event:j", 1);
  await waitUntil("it is tried for the fifth time; the wait after that is 1.6 s", () => tries === 5);
  const stopped = tail.stop();
  last.resolve();
  await stopped;
  expect(tries).toBe(5);
}, 15_000);

test("a node that nothing else wakes polls a quiet log more often", async () => {
  const polls = { woken: 0, polling: 0 };
  const counted = (name: keyof typeof polls) => {
    const sql = Object.assign(
      (...args: Parameters<typeof node.sql>) => {
        polls[name]++;
        return node.sql(...args);
      },
      { begin: node.sql.begin, reserve: node.sql.reserve, unsafe: node.sql.unsafe },
    ) as typeof node.sql;
    return createLogTail({ sql, epoch: node.epoch, onError: (...failure) => failures.push(failure) });
  };
  const [woken, polling] = [counted("woken"), counted("polling")];
  polling.pollFasterWhile(() => true);
  for (const tail of [woken, polling]) await tail.addConsumer({ name: "quiet", from: "now", handle: async () => {} });
  await waitUntil("it has polled for a while", () => polls.polling >= 25);
  expect(polls.woken).toBeLessThan(polls.polling * 0.7);
  await Promise.all([woken.stop(), polling.stop()]);
});
