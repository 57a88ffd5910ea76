import { afterAll, beforeAll, expect, test } from "bun:test";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { runRetentionPass } from "../log/retention.ts";
import { createLogTail } from "../log/tail.ts";
import { RetryLater } from "./consumer.ts";

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

const append = (room: string, count: number) =>
  node.transaction({ actor: "1" }, async (tx) => {
    for (let n = 0; n < count; n++) tx.log(room, "test", { id: n });
  });

test("entries that a handler fails at are found and parked with the error, the others are handled, in order", async () => {
  const parked: string[] = [];
  const handled: number[] = [];
  let batches = 0;
  const tail = createLogTail({
    ...node,
    onError() {},
    onParked: ({ entry, attempts }, consumer) => void parked.push(`${consumer} ${entry.seq} ${attempts >= 2}`),
  });
  await tail.addConsumer({
    name: "poisoned",
    from: "stored",
    maxAttempts: 2,
    async handle({ entries, advance }) {
      batches++;
      for (const { seq } of entries) if (seq === 7 || seq === 8) throw new Error(`poison ${seq}`);
      await node.sql.begin((tx) => advance(tx));
      handled.push(...entries.map(({ seq }) => seq));
    },
  });
  await append("event:poisoned", 20);
  await waitUntil("all others are handled", () => handled.length === 18);
  expect(handled).toEqual(Array.from({ length: 20 }, (_, n) => n + 1).filter((seq) => seq !== 7 && seq !== 8));
  expect(parked).toEqual(["poisoned 7 true", "poisoned 8 true"]);
  const rows = await node.sql`SELECT consumer, room, seq::int, epoch, type, error FROM log_parked ORDER BY seq`;
  const where = { consumer: "poisoned", room: "event:poisoned", epoch: node.epoch.current(), type: "test" };
  expect([...rows]).toEqual([
    { ...where, seq: 7, error: "poison 7" },
    { ...where, seq: 8, error: "poison 8" },
  ]);
  await append("event:poisoned", 5);
  const before = batches;
  await waitUntil("the next are handled", () => handled.length === 23);
  expect(batches).toBeLessThanOrEqual(before + 5);
  await tail.stop();
  await node.sql`UPDATE log_parked SET parked_at = parked_at - interval '31 days' WHERE seq = 7`;
  await runRetentionPass(node.sql, { retentionMs: 1e9, maxBytes: 1e12 });
  expect([...(await node.sql`SELECT seq::int FROM log_parked`)]).toEqual([{ seq: 8 }]);
}, 30_000);

test("while the system that a consumer writes to is away nothing is parked", async () => {
  let tries = 0;
  const handled: number[] = [];
  const tail = createLogTail({ ...node, onError() {}, onParked: (parked) => void Promise.reject(parked.error) });
  await tail.addConsumer({
    name: "away",
    from: "stored",
    maxAttempts: 1,
    async handle({ entries }) {
      if (++tries <= 4) throw new RetryLater("The search server is away.");
      handled.push(...entries.map(({ seq }) => seq));
    },
  });
  await append("event:away", 2);
  await waitUntil("both are handled", () => handled.length === 2);
  expect([tries, handled]).toEqual([5, [1, 2]]);
  await tail.stop();
});
