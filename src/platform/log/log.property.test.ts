import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type Appended, findFaults, LogObserver, readHeads, readWholeLog } from "../../../tests/support/log-checker.ts";
import { type LogNode, startLogNode } from "../../../tests/support/log-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { LogEntry } from "./entry.ts";

const WRITERS = 50;
const ROOMS = 8;

/** One transaction of a writer. */
interface Step {
  rooms: number[];
  /** Writes state first, and so has its transaction number long before it gets at the rooms. */
  early: boolean;
  /** ms between its beginning and its append. */
  lateMs: number;
  aborts: boolean;
}

class Abort extends Error {}

const step: fc.Arbitrary<Step> = fc.record({
  rooms: fc.array(fc.nat(ROOMS - 1), { minLength: 1, maxLength: 4 }),
  early: fc.boolean(),
  lateMs: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 120 }) },
  ),
  aborts: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const plans = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: WRITERS, maxLength: WRITERS });

let database: TestDatabase;
let node: LogNode;

beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url, { max: WRITERS + 10 });
  await node.sql`CREATE TABLE state (writer int PRIMARY KEY, n int NOT NULL DEFAULT 0)`;
  await node.sql`INSERT INTO state (writer) SELECT generate_series(0, ${WRITERS - 1})`;
});

afterAll(async () => {
  await node.stop();
  await database.close();
});

test("50 writers with aborts, late commits and several rooms: dense, ordered, complete, and delivered once to every consumer", async () => {
  const acknowledged: Appended[] = [];
  let run = 0;

  async function write(writer: number, plan: readonly Step[], prefix: string): Promise<void> {
    for (const [i, { rooms, early, lateMs, aborts }] of plan.entries()) {
      const ids = rooms.map((_, k) => `${prefix}-${writer}-${i}-${k}`);
      try {
        await node.transaction({ actor: String(writer) }, async (tx) => {
          if (early) await tx.sql`UPDATE state SET n = n + 1 WHERE writer = ${writer}`;
          if (lateMs > 0) await Bun.sleep(lateMs);
          rooms.forEach((room, k) => {
            tx.log(`event:${prefix}-${room}`, "test", { id: ids[k]! });
          });
          if (aborts) throw new Abort();
        });
      } catch (error) {
        if (!(error instanceof Abort)) throw error;
      }
    }
  }

  await fc.assert(
    fc.asyncProperty(plans, fc.array(fc.nat(60), { minLength: 3, maxLength: 3 }), async (plan, starts) => {
      const prefix = `run${run++}`;
      const from = node.published.length;
      const readers = starts.map(async (after, i) => {
        await Bun.sleep(after);
        const witness = new LogObserver();
        const name = `${prefix}-${i}`;
        await node.tail.addConsumer({
          name,
          from: i === 0 ? "now" : "stored",
          handle({ entries }: { entries: readonly LogEntry[] }) {
            witness.observe(entries.filter(({ room }) => room.startsWith(`event:${prefix}-`)));
            return Promise.resolve();
          },
        });
        return { witness, mustSeeFrom: node.published.length };
      });
      await Promise.all(plan.map((steps, writer) => write(writer, steps, prefix)));

      const published = node.published.slice(from);
      acknowledged.push(...published.map(({ room, seq, payload }) => ({ room, seq, id: JSON.parse(payload).id })));
      expect(findFaults(await readWholeLog(node.sql), await readHeads(node.sql), acknowledged)).toEqual([]);

      const heads = new Map([...(await readHeads(node.sql))].filter(([room]) => room.startsWith(`event:${prefix}-`)));
      for (const { witness, mustSeeFrom } of await Promise.all(readers)) {
        const expected = acknowledged.slice(mustSeeFrom);
        const rooms = new Set(expected.map(({ room }) => room));
        const reach = new Map([...heads].filter(([room]) => rooms.has(room)));
        await waitUntil("the consumer has seen the newest entry of each room", () => witness.isAtHead(reach));
        expect({
          missed: witness.countMissed(expected),
          repeated: witness.repeated,
          outOfOrder: witness.outOfOrder,
        }).toEqual({ missed: 0, repeated: 0, outOfOrder: 0 });
      }
    }),
    { numRuns: Number(process.env.LOG_TEST_SECONDS ?? 5), endOnFailure: true },
  );
}, 600_000);
