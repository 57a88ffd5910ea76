import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";

/** WORKERS=2: two processes behind one port, one database and one page process, as an operator starts them. */
const ROOT = join(import.meta.dirname, "../..");
const dataDir = mkdtempSync(join(tmpdir(), "usher-workers-"));
let port = 0;
let metricsPort = 0;
let parent: Bun.Subprocess;
const clients: WsClient[] = [];

beforeAll(async () => {
  chmodSync(dataDir, 0o755);
  port = await freePort();
  metricsPort = await freePort();
  parent = Bun.spawn([process.execPath, "--no-env-file", join(ROOT, "src/main.ts")], {
    cwd: dataDir,
    env: {
      PATH: process.env.PATH,
      WORKERS: "2",
      HTTP_PORT: String(port),
      GRPC_PORT: "0",
      METRICS_PORT: String(metricsPort),
      DATA_DIR: dataDir,
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  await waitUntil("it is ready", async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok);
}, 60_000);
afterAll(() => {
  parent.kill("SIGKILL");
  rmSync(dataDir, { recursive: true, force: true });
});

/** Process ids of the workers that run now. */
async function workers(): Promise<number[]> {
  const child = Bun.spawn(["pgrep", "-P", String(parent.pid), "-f", "worker="], { stdout: "pipe" });
  return (await new Response(child.stdout).text()).trim().split("\n").filter(Boolean).map(Number);
}

/** A socket on each of the two nodes; the system chooses, so it takes a few. */
async function onBoth(): Promise<[WsClient, WsClient]> {
  const byNode = new Map<unknown, WsClient>();
  await waitUntil("there is a socket on either worker", async () => {
    const client = await openClient(port);
    clients.push(client);
    byNode.set((await client.next("system:connected")).payload.node, client);
    return byNode.size === 2;
  });
  return [...byNode.values()] as [WsClient, WsClient];
}

test("two workers share the port, and what one commits the other shows", async () => {
  expect((await workers()).length).toBe(2);
  const [one, other] = await onBoth();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ email: "ann@example.org", username: "ann", password: "the password of ann" });
  const register = await fetch(`http://127.0.0.1:${port}/api/v1/auth/register`, { method: "POST", headers, body });
  const { access_token } = (await register.json()) as { access_token: string };
  for (const client of [one, other]) await client.ask("system:auth", { token: access_token });
  const made = await fetch(`http://127.0.0.1:${port}/api/v1/channels`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${access_token}` },
    body: JSON.stringify({ type: "public", name: "hall" }),
  });
  const { id } = (await made.json()) as { id: string };
  for (const client of [one, other]) await client.ask("room:join", { room: `channel:${id}` });
  await one.ask("message:send", { channel_id: id, content: "hello" });
  expect((await other.next("message:created")).payload.content).toBe("hello");
}, 60_000);

test("pages come from one process for both, and the metrics are the sum", async () => {
  for (let n = 0; n < 6; n++) expect((await fetch(`http://127.0.0.1:${port}/login`)).status).toBe(200);
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const open = clients.filter(({ closed }) => closed === null).length;
  expect(text).toContain(`\nrealtime_websocket_connections_total ${open}\n`);
  const start = Number(/\nprocess_start_time_seconds (\S+)/.exec(text)?.[1]);
  expect(start).toBeLessThan(Date.now() / 1_000);
});

test("a worker that is killed is started again, while the other serves", async () => {
  const [first] = await workers();
  process.kill(first!, "SIGKILL");
  await waitUntil("there is another", async () => (await workers()).some((pid) => pid !== first && pid > 0));
  await waitUntil("two answer", async () => {
    await onBoth();
    return (await workers()).length === 2;
  });
}, 60_000);

test("a stop ends them all in order", async () => {
  const before = await workers();
  parent.kill("SIGTERM");
  expect(await parent.exited).toBe(0);
  for (const pid of before) expect(() => process.kill(pid, 0)).toThrow();
  expect(await Bun.file(join(dataDir, "postgres/postmaster.pid")).exists()).toBe(false);
}, 60_000);
