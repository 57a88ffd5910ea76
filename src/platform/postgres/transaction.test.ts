import { afterAll, beforeAll, expect, test } from "bun:test";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { AppError } from "../errors.ts";

let database: TestDatabase;
let node: LogNode;

beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url);
  await node.sql`CREATE TABLE things (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)`;
});
afterAll(async () => {
  await node.stop();
  await database.close();
});

test("state and entries are committed together, and published with their seqs after it", async () => {
  const from = node.published.length;
  const result = await node.transaction({ actor: "7", reason: "why" }, async (tx) => {
    await tx.sql`INSERT INTO things (id) VALUES (1)`;
    tx.log("event:b", "made", { id: 1 });
    tx.log("event:a", "made", { id: 2 });
    tx.log("event:b", "made", { id: 3 });
    expect(node.published.length).toBe(from);
    return "done";
  });
  expect(result).toBe("done");
  expect(node.published.slice(from)).toEqual([
    { room: "event:b", seq: 1, type: "made", payload: '{"id":1}' },
    { room: "event:a", seq: 1, type: "made", payload: '{"id":2}' },
    { room: "event:b", seq: 2, type: "made", payload: '{"id":3}' },
  ]);
  const [row] = await node.sql`SELECT DISTINCT meta FROM log`;
  expect(JSON.parse(row!.meta)).toEqual({ actor: "7", reason: "why" });
});

test("an abort leaves neither state nor entries, publishes nothing and gives its seqs back", async () => {
  const from = node.published.length;
  const work = node.transaction({ actor: "7" }, async (tx) => {
    await tx.sql`INSERT INTO things (id) VALUES (2)`;
    tx.log("event:c", "made", {});
    throw new AppError("forbidden");
  });
  expect(work).rejects.toMatchObject({ code: "forbidden" });
  await work.catch(() => {});
  expect(node.published.length).toBe(from);
  expect(await node.sql`SELECT FROM things WHERE id = 2`).toHaveLength(0);
  expect(await node.sql`SELECT FROM rooms WHERE name = 'event:c'`).toHaveLength(0);
  await node.transaction({ actor: "7" }, async (tx) => tx.log("event:c", "made", {}));
  expect(node.published.at(-1)?.seq).toBe(1);
});

test("after a deadlock the work is done again, and its entries are there once", async () => {
  await node.sql`INSERT INTO things (id) VALUES (11), (12)`;
  let met = 0;
  const both = Promise.withResolvers<void>();
  const cross = (first: number, second: number) =>
    node.transaction({ actor: "7" }, async (tx) => {
      await tx.sql`UPDATE things SET n = n + 1 WHERE id = ${first}`;
      if (++met === 2) both.resolve();
      await both.promise;
      await tx.sql`UPDATE things SET n = n + 1 WHERE id = ${second}`;
      tx.log("event:deadlock", "moved", { first });
    });
  await Promise.all([cross(11, 12), cross(12, 11)]);
  expect(met).toBeGreaterThan(2);
  expect(await node.sql`SELECT n FROM things WHERE id IN (11, 12)`).toEqual([{ n: 2 }, { n: 2 }] as never);
  const [rooms] = await node.sql`SELECT head::int FROM rooms WHERE name = 'event:deadlock'`;
  expect(rooms!.head).toBe(2);
});

test("appends that name the same rooms in other orders, new ones among them, do not deadlock", async () => {
  const from = node.published.length;
  const names = Array.from({ length: 12 }, (_, i) => `event:new${i}`);
  await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      node.transaction({ actor: "7" }, async (tx) => {
        for (let k = 0; k < 6; k++) tx.log(names[(i * 5 + k * 7) % 12]!, "made", {});
      }),
    ),
  );
  expect(node.published.length - from).toBe(360);
  const [row] = await node.sql`SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`;
  expect(row!.deadlocks).toBeLessThanOrEqual(1); // the planned one above
});

test("entries after the end are refused", async () => {
  let late = (): void => {};
  await node.transaction({ actor: "7" }, async (tx) => {
    late = () => tx.log("event:late", "made", {});
  });
  expect(late).toThrow("after its transaction had ended");
});

test("a lost database becomes unavailable", async () => {
  const other = await startLogNode(database.url, { max: 2, onError: () => {} });
  const work = other.transaction({ actor: "7" }, async (tx) => {
    const [me] = await tx.sql`SELECT pg_backend_pid() AS pid`;
    await node.sql`SELECT pg_terminate_backend(${me!.pid})`;
    await tx.sql`SELECT 1`;
  });
  expect(work).rejects.toMatchObject({ code: "unavailable" });
  await work.catch(() => {});
  await other.stop();
});

test("what fails at COMMIT itself leaves nothing and publishes nothing", async () => {
  await node.sql.unsafe(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at the end'; END $$;
    CREATE CONSTRAINT TRIGGER refused_late AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.id = 666) EXECUTE FUNCTION refuse();`);
  const from = node.published.length;
  const work = node.transaction({ actor: "7" }, async (tx) => {
    await tx.sql`INSERT INTO things (id) VALUES (666)`;
    tx.log("event:late", "made", {});
  });
  await expect(work).rejects.toThrow("refused at the end");
  expect(node.published.length).toBe(from);
  expect(await node.sql`SELECT FROM things WHERE id = 666`).toHaveLength(0);
  expect(await node.sql`SELECT FROM rooms WHERE name = 'event:late'`).toHaveLength(0);
});
