import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Appended, findFaults, LogObserver, readHeads, readWholeLog } from "../support/log-checker.ts";
import { type LogNode, startLogNode } from "../support/log-node.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { chooseSeed, seeded } from "../support/seeded.ts";
import { waitUntil } from "../support/wait-until.ts";
import { followIntoTable, readConsumed } from "./log-load.ts";

const KILLS = Math.max(4, Number(process.env.LOG_TEST_SECONDS ?? 0));

let database: TestDatabase;
let observer: LogNode;

beforeAll(async () => {
  database = await testDatabase();
  observer = await startLogNode(database.url, { onError: () => {} }); // its second reader fails as planned
});

afterAll(async () => {
  await observer.stop();
  await database.close();
});

test("a node is killed at random points: what it acknowledged is there, dense, and delivered once", async () => {
  const seed = chooseSeed("log-node-killed");
  const random = seeded(seed);
  const witness = new LogObserver();
  await observer.tail.addConsumer({
    name: "observer",
    from: "now",
    handle: ({ entries }) => Promise.resolve(witness.observe(entries)),
  });

  const acknowledged: Appended[] = [];
  for (let life = 0; life < KILLS; life++) {
    const before = acknowledged.length;
    const child = Bun.spawn(
      [
        process.execPath,
        join(import.meta.dirname, "log-node-process.ts"),
        database.url,
        `life${life}`,
        String(seed + life),
      ],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    const reading = readAcknowledged(child.stdout, acknowledged);
    await waitUntil("the node has written something", () => acknowledged.length > before);
    await Bun.sleep(random.int(0, 700));
    child.kill("SIGKILL");
    await child.exited;
    await reading;
  }

  // A last node, which is not killed, delivers what the others did not.
  await followIntoTable(observer, seeded(seed));
  await waitUntil("the dead nodes' transactions have ended", async () => (await openTransactions()) === 0);
  const log = await readWholeLog(observer.sql);
  const heads = await readHeads(observer.sql);
  expect(findFaults(log, heads, acknowledged, () => true)).toEqual([]);
  await waitUntil("the observer has seen the newest entry of each room", () => witness.isAtHead(heads));
  expect([witness.countMissed(log), witness.outOfOrder, witness.repeated]).toEqual([0, 0, 0]);

  await waitUntil(
    "the stored consumer has delivered everything",
    async () => (await readConsumed(observer.sql)).length >= log.length,
  );
  const consumed = new LogObserver();
  consumed.observe(await readConsumed(observer.sql));
  expect([consumed.countMissed(log), consumed.outOfOrder, consumed.repeated]).toEqual([0, 0, 0]);
  console.log(`log-node-killed: ${KILLS} kills, ${acknowledged.length} acknowledged, ${log.length} in the log`);
}, 600_000);

/** Whole lines only: the last one may be cut by the kill. */
async function readAcknowledged(output: ReadableStream<Uint8Array>, into: Appended[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of output) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) into.push(JSON.parse(line) as Appended);
  }
}

async function openTransactions(): Promise<number> {
  const [row] = await observer.sql<{ n: number }[]>`
    SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`;
  return row!.n;
}
