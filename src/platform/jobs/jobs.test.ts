import { afterAll, beforeAll, expect, test } from "bun:test";
import { getConstructionPlans, PgBoss } from "pg-boss";
import { type JobNode, startJobNode } from "../../../tests/support/job-node.ts";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { countJobs } from "./job-metrics.ts";

let database: TestDatabase;
let node: JobNode;
const notes: number[] = [];
const attempts: number[] = [];

beforeAll(async () => {
  database = await testDatabase();
  node = await startJobNode(database.url, (jobs) => {
    jobs.define("test-note", { run: async ({ n }) => notes.push(n) });
    jobs.define("test-fail", {
      run: async ({ n }) => {
        attempts.push(n);
        throw new Error("planned");
      },
    });
  });
});
afterAll(async () => {
  await node.stop();
  await database.close();
});

const LATER = new Date(Date.now() + 3_600_000);
const waiting = async (name: string) => {
  const rows =
    await database.sql`SELECT data FROM pgboss.job WHERE name = ${name} AND state = 'created' ORDER BY created_on`;
  return rows.map(({ data }) => data.n as number);
};

test("a job runs after the commit of its transaction, with its payload", async () => {
  await node.transaction({ actor: "1" }, async (tx) => {
    tx.job("test-note", { n: 1 });
    tx.job("test-note", { n: 2 });
  });
  await waitUntil("both ran", () => notes.length === 2);
  expect([...notes].sort()).toEqual([1, 2]);
});

test("an aborted transaction leaves no job", async () => {
  // Refused at COMMIT itself, when the job has been added.
  await database.sql`CREATE TABLE parts (id int PRIMARY KEY, whole int REFERENCES parts (id) DEFERRABLE INITIALLY DEFERRED)`;
  const work = node.transaction({ actor: "1" }, async (tx) => {
    await tx.sql`INSERT INTO parts VALUES (1, 2)`;
    tx.job("test-note", { n: 3 }, { runAt: LATER });
  });
  await expect(work).rejects.toThrow();
  expect(await waiting("test-note")).toEqual([]);
  await node.transaction({ actor: "1" }, async (tx) => tx.job("test-note", { n: 4 }, { runAt: LATER }));
  expect(await waiting("test-note")).toEqual([4]);
});

test("of jobs with one key one waits; those without a key all wait", async () => {
  await database.sql`DELETE FROM pgboss.job WHERE name = 'test-note'`;
  for (const n of [5, 6])
    await node.transaction({ actor: "1" }, async (tx) => {
      tx.job("test-note", { n }, { runAt: LATER, key: "one" });
      tx.job("test-note", { n: n + 10 }, { runAt: LATER });
    });
  expect((await waiting("test-note")).sort((a, b) => a - b)).toEqual([5, 15, 16]);
});

test("what fails is tried again, logged, and in the end a dead letter", async () => {
  await node.transaction({ actor: "1" }, async (tx) => tx.job("test-fail", { n: 7 }, { attempts: 2 }));
  await waitUntil("it is a dead letter", async () => (await countJobs(database.sql)).dead === 1, 20_000);
  expect(attempts).toEqual([7, 7]);
  expect(node.ended.filter((outcome) => outcome !== "completed")).toEqual(["retried", "dead"]);
  expect(node.lines.map(({ job, attempt, attempts: of }) => [job, attempt, of])).toEqual([
    ["test-fail", 1, 2],
    ["test-fail", 2, 2],
  ]);
  const [dead] = await database.sql`SELECT data FROM pgboss.job WHERE name = 'dead-letters'`;
  expect(dead!.data).toEqual({ n: 7 });
}, 30_000);

test("the migrations hold the schema that this pg-boss makes: it never migrates by itself", async () => {
  const version = /INSERT INTO pgboss.version\(version\) VALUES \('(\d+)'\)/.exec(getConstructionPlans("pgboss"))![1];
  expect((await database.sql`SELECT version::text FROM pgboss.version`).map((row) => row.version)).toEqual([version]);
  const boss = new PgBoss({ connectionString: database.url, max: 1, supervise: false, schedule: false });
  await boss.start();
  const drift = await boss.detectSchemaDrift();
  await boss.stop({ graceful: false });
  expect(drift).toMatchObject({ ok: true });
});
