import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startLogNode } from "../support/log-node.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startWebhookNode, type WebhookNode } from "../support/webhook-node.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

let database: TestDatabase;
let receiver: WebhookReceiver;
const nodes: WebhookNode[] = [];

beforeAll(async () => {
  database = await testDatabase();
  receiver = new WebhookReceiver();
});
afterAll(async () => {
  for (const node of nodes) await node.stop();
  await receiver.close();
  await database.close();
});

async function startProcess() {
  const program = join(import.meta.dirname, "webhook-node-process.ts");
  const child = Bun.spawn([process.execPath, program, database.url], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  for await (const _ of child.stdout) break;
  return child;
}

const pending = async () => {
  const [row] = await database.sql`SELECT count(*)::int AS n FROM webhook_deliveries WHERE status = 'pending'`;
  return row!.n as number;
};

test("two processes on one database deliver each event once", async () => {
  const child = await startProcess();
  const node = await startWebhookNode(database.url);
  nodes.push(node);
  await node.endpoint({ url: receiver.url });
  const rooms = Array.from({ length: 500 }, (_, i) => i % 20);
  await Promise.all(rooms.map((room, i) => node.log(`event:${room}`, "test", { i })));
  await waitUntil("all came", () => receiver.received.length >= 500);
  await waitUntil("all are written down", async () => (await pending()) === 0);
  expect(receiver.received.length).toBe(500);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(500);
  const attempts = await database.sql`SELECT DISTINCT attempts FROM webhook_deliveries`;
  expect(attempts.map((row) => row.attempts)).toEqual([1]);
  child.stdin.end();
  expect(await child.exited).toBe(0);
  await node.stop();
  nodes.length = 0;
}, 60_000);

test("kill -9 in the middle of deliveries: another node takes them over when their lease has ended", async () => {
  receiver.received.length = 0;
  const child = await startProcess();
  receiver.respond = () => new Promise(() => {});
  const log = await startLogNode(database.url);
  for (let i = 0; i < 50; i++) {
    await log.transaction({ actor: "1" }, async (tx) => tx.log("event:killed", "test", { i }));
  }
  await waitUntil("the process is in the middle of 20", () => receiver.received.length === 20);
  await waitUntil("it has recorded all", async () => (await pending()) === 50);
  child.kill("SIGKILL");
  await child.exited;

  receiver.respond = () => new Response();
  nodes.push(await startWebhookNode(database.url));
  await waitUntil("what was not claimed came", () => receiver.received.length === 50);
  await waitUntil("only those of the killed one are left", async () => (await pending()) === 20);
  const [lease] = await database.sql`
    SELECT max(next_attempt_at) - clock_timestamp() < interval '30 s' AS short FROM webhook_deliveries WHERE status = 'pending'`;
  expect(lease!.short).toBe(true);
  // The time that is left is not waited for.
  await database.sql`UPDATE webhook_deliveries SET next_attempt_at = clock_timestamp() WHERE status = 'pending'`;
  await waitUntil("all are delivered", async () => (await pending()) === 0);
  expect(receiver.received.length).toBe(70);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(50);
  await log.stop();
}, 60_000);
