import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type JobNode, startJobNode } from "../support/job-node.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";

let database: TestDatabase;
const nodes: JobNode[] = [];

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  await database.close();
});

test("kill -9 in the middle of jobs: another node runs every one of them again", async () => {
  const program = join(import.meta.dirname, "job-node-process.ts");
  const child = Bun.spawn([process.execPath, program, database.url], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  let printed = "";
  const reading = (async () => {
    for await (const chunk of child.stdout) printed += new TextDecoder().decode(chunk);
  })();
  await waitUntil("it is ready", () => printed.includes("ready"));

  const sender = await startJobNode(database.url, (jobs) => jobs.define("test-hang", { run: async () => {} }), false);
  nodes.push(sender);
  await sender.transaction({ actor: "1" }, async (tx) => {
    for (let n = 0; n < 30; n++) tx.job("test-hang", { n });
  });
  await waitUntil("it is in the middle of 20", () => printed.split("began").length - 1 === 20);
  child.kill("SIGKILL");
  await child.exited;
  await reading;
  const begun = [...printed.matchAll(/began (\d+)/g)].map((match) => Number(match[1]));

  const ran: number[] = [];
  nodes.push(
    await startJobNode(database.url, (jobs) => jobs.define("test-hang", { run: async ({ n }) => ran.push(n) })),
  );
  await waitUntil("those that had not begun", () => ran.length >= 10);
  await waitUntil("and those of the killed one, after their heartbeat", () => ran.length >= 30, 60_000);
  await waitUntil("all are written down", async () => {
    const [row] =
      await database.sql`SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'test-hang' AND state = 'completed'`;
    return row!.n === 30;
  });
  expect(ran.slice(0, 10).some((n) => begun.includes(n))).toBe(false);
  expect(ran.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
}, 120_000);

test("a job of cron runs once for all nodes", async () => {
  for (const node of nodes.splice(0)) await node.stop();
  const runs: number[] = [];
  for (const index of [0, 1, 2])
    nodes.push(
      await startJobNode(database.url, (jobs) =>
        jobs.define("test-cron", { cron: "* * * * *", run: async () => runs.push(index) }),
      ),
    );
  const sent = async () => {
    const [row] = await database.sql`SELECT count(*)::int AS n FROM pgboss.job WHERE name = '__pgboss__send-it'`;
    return row!.n as number;
  };
  await waitUntil("the clock has sent it", async () => (await sent()) > 0, 90_000);
  await waitUntil("and it ran", () => runs.length > 0);
  await waitUntil("no run waits any more", async () => {
    const [row] = await database.sql`
      SELECT count(*)::int AS n FROM pgboss.job WHERE name IN ('test-cron', '__pgboss__send-it') AND state <> 'completed'`;
    return row!.n === 0;
  });
  // Those of the clock; the one soon after the start has a later start_after.
  const byMinute = await database.sql`
    SELECT count(*)::int AS n FROM pgboss.job WHERE name = 'test-cron' AND start_after = created_on
    GROUP BY date_trunc('minute', created_on)`;
  expect(new Set(byMinute.map(({ n }) => n))).toEqual(new Set([1]));
}, 150_000);
