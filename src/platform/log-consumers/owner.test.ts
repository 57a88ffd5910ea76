import { afterAll, beforeAll, expect, test } from "bun:test";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { type ConsumerLeases, createConsumerLeases } from "./leases.ts";

let database: TestDatabase;
let nodes: LogNode[];

beforeAll(async () => {
  database = await testDatabase();
  nodes = await Promise.all(Array.from({ length: 3 }, () => startLogNode(database.url, { max: 4 })));
});
afterAll(async () => {
  for (const node of nodes) await node.stop();
  await database.close();
});

const fail = (error: unknown) => void Promise.reject(error);

test("of three nodes one handles each batch, and when it stops another goes on: none is handled twice", async () => {
  /** Which node handled it, by seq. */
  const handled = new Map<number, number[]>();
  for (const [n, node] of nodes.entries())
    await node.tail.addConsumer({
      name: "three",
      from: "stored",
      handle: async ({ entries }) =>
        entries.forEach(({ seq }) => void handled.set(seq, [...(handled.get(seq) ?? []), n])),
    });
  let seq = 0;
  for (let owners = 0; owners < 3; owners++) {
    let owner = -1;
    for (let n = 0; n < 20; n++) {
      await nodes.at(-1)!.transaction({ actor: "1" }, async (tx) => tx.log("event:three", "test", { id: 1 }));
      seq++;
      await waitUntil("a node handled it", () => handled.has(seq));
      owner = handled.get(seq)![0]!;
    }
    if (owners < 2) await nodes[owner]!.tail.stop();
  }
  expect([...handled.keys()]).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
  expect([...handled].filter(([, by]) => by.length > 1)).toEqual([]);
  expect(new Set([...handled.values()].flat()).size).toBe(3);
});

test("a lease is one owner's until it ends, by the database's clock, or is given back", async () => {
  await database.sql`INSERT INTO log_readers (name, tick) SELECT 'lease', max(id) FROM ticks`;
  await database.sql`INSERT INTO log_consumers (name) VALUES ('lease')`;
  const times = { life: 6_000, renew: 50 };
  const [first, second] = [1, 2].map(() => createConsumerLeases({ sql: database.sql, onError: fail, times }));
  const isHeld = (leases: ConsumerLeases | undefined) => leases!.get("lease") !== null;
  let changes = 0;
  await first!.add("lease", () => {});
  await second!.add("lease", () => void changes++);
  expect([isHeld(first), isHeld(second)]).toEqual([true, false]);
  await database.sql`UPDATE log_consumers SET owner = gen_random_uuid() WHERE name = 'lease'`;
  await waitUntil("the first learns that another has it", () => !isHeld(first));
  await database.sql`UPDATE log_consumers SET leased_until = clock_timestamp() WHERE name = 'lease'`;
  await waitUntil("one of them takes it", () => isHeld(first) !== isHeld(second));
  if (isHeld(first)) {
    await first!.stop();
    await waitUntil("the other takes it", () => isHeld(second));
  }
  expect(changes).toBe(1);
  await first!.stop();
  await second!.stop();
});
