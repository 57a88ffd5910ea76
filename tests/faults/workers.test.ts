import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { freePort } from "../support/free-port.ts";
import { listChildren, readCommand } from "../support/processes.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";

/** WORKERS=2: two processes with one port, one database and one page process, as an operator starts them. */
const ROOT = join(import.meta.dirname, "../..");
const dataDir = mkdtempSync(join(tmpdir(), "usher-workers-"));
let port = 0;
let grpcPort = 0;
let metricsPort = 0;
let parent: Parent;
const clients: WsClient[] = [];

interface Parent {
  pid: number;
  /** All output of it and its workers. */
  output: string;
  exited: Promise<number>;
}

/** As a terminal starts it: in a separate process group. */
function start(httpPort = port): Parent {
  const child = Bun.spawn([process.execPath, "--no-env-file", join(ROOT, "src/main.ts")], {
    cwd: dataDir,
    detached: true,
    env: {
      PATH: process.env.PATH,
      WORKERS: "2",
      HTTP_PORT: String(httpPort),
      GRPC_PORT: String(grpcPort),
      METRICS_PORT: String(metricsPort),
      DATA_DIR: dataDir,
      LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const started: Parent = { pid: child.pid, output: "", exited: child.exited };
  for (const stream of [child.stdout, child.stderr]) {
    void (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of stream) started.output += decoder.decode(bytes, { stream: true });
    })();
  }
  return started;
}

const isReady = () =>
  waitUntil("it is ready", async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok, 55_000).catch(
    (error: unknown) => {
      throw new Error(parent.output, { cause: error });
    },
  );

beforeAll(async () => {
  chmodSync(dataDir, 0o755);
  port = await freePort();
  grpcPort = await freePort();
  metricsPort = await freePort();
  parent = start();
  await isReady();
}, 60_000);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** Process ids of the workers that run now. */
function workers(): number[] {
  return listChildren(parent.pid).filter((pid) => readCommand(pid).some((word) => word.startsWith("--worker=")));
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A socket on each of the two nodes; the system chooses, so it needs a few. */
async function onBoth(where = (_greeting: Record<string, unknown>) => true): Promise<[WsClient, WsClient]> {
  const byNode = new Map<unknown, WsClient>();
  await waitUntil("there is a socket on either worker", async () => {
    const client = await openClient(port);
    clients.push(client);
    const { payload } = await client.next("system:connected");
    if (where(payload)) byNode.set(payload.node, client);
    return byNode.size === 2;
  });
  return [...byNode.values()] as [WsClient, WsClient];
}

test("two workers share the port, and what one commits the other shows", async () => {
  expect(workers().length).toBe(2);
  const [one, other] = await onBoth();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ email: "ann@example.org", username: "ann", password: "the password of ann" });
  const register = await fetch(`http://127.0.0.1:${port}/api/v1/auth/register`, { method: "POST", headers, body });
  const { access_token } = (await register.json()) as { access_token: string };
  for (const client of [one, other]) await client.request("system:auth", { token: access_token });
  const made = await fetch(`http://127.0.0.1:${port}/api/v1/channels`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${access_token}` },
    body: JSON.stringify({ type: "public", name: "hall" }),
  });
  const { id } = (await made.json()) as { id: string };
  for (const client of [one, other]) await client.request("room:join", { room: `channel:${id}` });
  await one.request("message:send", { channel_id: id, content: "hello" });
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

test("SIGHUP has all workers read the settings again", async () => {
  writeFileSync(join(dataDir, ".env"), "WS_PING_INTERVAL=17s\n");
  process.kill(parent.pid, "SIGHUP");
  await onBoth(({ ping_interval }) => ping_interval === 17_000);
}, 60_000);

test("a worker that is killed is started again, while the other serves, by gRPC too", async () => {
  const [first] = workers();
  process.kill(first!, "SIGKILL");
  await waitUntil("it is gone", () => !lives(first!));
  for (let n = 0; n < 8; n++) expect(await isServing()).toBe(true);
  await waitUntil("there is another", async () => workers().some((pid) => pid !== first && pid > 0));
  await waitUntil("two respond", async () => {
    await onBoth();
    return workers().length === 2;
  });
}, 60_000);

test("Ctrl+C reaches all processes at once, and they end gracefully", async () => {
  const before = workers();
  const printed = parent.output.length;
  process.kill(-parent.pid, "SIGINT");
  expect(await parent.exited).toBe(0);
  expect(before.filter(lives)).toEqual([]);
  // On a busy machine a statement may still run when its connection is closed, and PostgreSQL says so.
  const lines = parent.output.slice(printed).split("\n");
  expect(lines.filter((line) => line !== "" && !line.includes("connection to client lost"))).toEqual([]);
  expect(await Bun.file(join(dataDir, "postgres/postmaster.pid")).exists()).toBe(false);
}, 60_000);

test("when a worker cannot start, the log says why", async () => {
  const taken = Bun.serve({ port: 0, fetch: () => new Response("") });
  const { port } = taken;
  parent = start(port!);
  expect(await parent.exited).toBe(1);
  await taken.stop(true);
  expect(parent.output).toContain(`Port ${port} is taken.`);
  expect(parent.output).toMatch(/Worker [01] could not start \(code 1\); what it said stands above\./);
}, 60_000);

test("kill -9 of the parent ends them all", async () => {
  parent = start();
  await isReady();
  const all = workers();
  const postgres = Number((await Bun.file(join(dataDir, "postgres/postmaster.pid")).text()).split("\n")[0]);
  expect(all.length).toBe(2);
  process.kill(parent.pid, "SIGKILL");
  await waitUntil("they are gone", () => !all.some(lives));
  if (lives(postgres)) process.kill(postgres, "SIGINT");
  await waitUntil("so is the database", () => !lives(postgres));
}, 60_000);

/** Calls the health service on a new connection. */
function isServing(): Promise<boolean> {
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  const same = (bytes: Buffer) => bytes;
  const result = Promise.withResolvers<boolean>();
  // The response's first field is `status`; 1 is SERVING.
  client.makeUnaryRequest("/grpc.health.v1.Health/Check", same, same, Buffer.alloc(0), (error, bytes) =>
    error ? result.reject(error) : result.resolve(bytes?.[1] === 1),
  );
  return result.promise.finally(() => client.close());
}
