import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type LogNode, startLogNode } from "../support/log-node.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";

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

const append = () => node.transaction({ actor: "1" }, async (tx) => tx.log("event:killed", "test", { id: 1 }));

test("kill -9 of the node that runs a stored consumer: another node goes on when the lease has ended, and nothing is lost", async () => {
  const program = join(import.meta.dirname, "consumer-process.ts");
  const child = Bun.spawn([process.execPath, program, database.url], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  let output = "";
  void (async () => {
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) output += part;
  })();
  await waitUntil("the process runs it", () => output.startsWith("ready\n"));
  const seen: number[] = [];
  await node.tail.addConsumer({
    name: "killed",
    from: "stored",
    handle: async ({ entries }) => void seen.push(...entries.map(({ seq }) => seq)),
  });
  for (let seq = 1; seq <= 5; seq++) {
    await append();
    await waitUntil("the process handled it", () => output.includes(`\n${seq}\n`));
  }
  expect(seen).toEqual([]);
  child.kill("SIGKILL");
  await child.exited;
  const [lease] = await database.sql`
    SELECT leased_until - clock_timestamp() <= interval '6 s' AS "isShort" FROM log_consumers WHERE name = 'killed'`;
  expect(lease!.isShort).toBe(true);
  for (let seq = 6; seq <= 10; seq++) await append();
  await waitUntil("the other node has handled the rest", () => seen.includes(10));
  // The last that the killed one handled may come again: at least once.
  expect(seen.slice(-5)).toEqual([6, 7, 8, 9, 10]);
  expect(seen.length).toBeLessThanOrEqual(6);
}, 60_000);
