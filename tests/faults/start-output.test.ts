import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { type TestDatabase, testDatabase } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** What the program prints when it is started and stopped. */
setDefaultTimeout(60_000);
const MAIN = join(import.meta.dirname, "../../src/main.ts");

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** @param terminal standard output is one, not a pipe */
async function start({ terminal = false, environment = {} as Record<string, string> } = {}) {
  const database: TestDatabase = await testDatabase();
  cleanups.push(() => database.close());
  const folder = mkdtempSync(join(tmpdir(), "usher-output-"));
  chmodSync(folder, 0o755);
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const output = { text: "" };
  const decoder = new TextDecoder();
  const onOutput = (bytes: Uint8Array) => {
    output.text += decoder.decode(bytes, { stream: true });
  };
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      DATA_DIR: folder,
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: String(port),
      GRPC_PORT: "0",
      METRICS_PORT: "0",
      ...environment,
    },
    ...(terminal
      ? { terminal: { cols: 200, rows: 50, data: (_: unknown, bytes: Uint8Array) => onOutput(bytes) } }
      : { stdin: "ignore", stdout: "pipe", stderr: "inherit" }),
  } as Parameters<typeof Bun.spawn>[1]);
  const printed = terminal ? Promise.resolve() : readAll(child.stdout as ReadableStream<Uint8Array>, onOutput);
  cleanups.push(() => child.kill("SIGKILL"));
  return { child, port, output, printed, url: `http://127.0.0.1:${port}` };
}

async function readAll(stream: ReadableStream<Uint8Array>, onOutput: (bytes: Uint8Array) => void): Promise<void> {
  for await (const bytes of stream) onOutput(bytes);
}

test("the first 200 of /ready means ready, the pages too", async () => {
  const { url } = await start();
  const result = await waitUntil("it takes requests", async () => {
    const given = await fetch(`${url}/ready`);
    return given.status === 200 ? given.json() : null;
  });
  expect(result).toMatchObject({ status: "ready", checks: { pages: "ok", postgres: "ok" } });
  expect((await fetch(`${url}/login`)).status).toBe(200);
});

test("a node logs once that it is not ready, however often it is asked, and once when it is ready again", async () => {
  const database = await testDatabase();
  cleanups.push(() => database.close());
  const way = new URL(database.url);
  const proxy = await startTcpProxy(Number(way.port));
  cleanups.push(() => proxy.close());
  way.host = `127.0.0.1:${proxy.port}`;
  const { url, output } = await start({ environment: { DATABASE_URL: way.href } });
  await waitUntil("it is ready", async () => (await fetch(`${url}/ready`)).ok);
  proxy.cut();
  await waitUntil("it is not ready", async () => (await fetch(`${url}/ready`)).status === 503);
  for (let n = 0; n < 3; n++) expect((await fetch(`${url}/ready`)).status).toBe(503);
  proxy.restore();
  await waitUntil("it is ready again", async () => (await fetch(`${url}/ready`)).ok);
  await waitUntil("it logs", () => output.text.includes("ready again: /ready is 200"));
  expect(output.text.split("not ready: /ready is 503")).toHaveLength(2);
  expect(output.text).toContain('"reason":"postgres does not respond"');
  expect(output.text).not.toContain('"path":"/ready"');
});

test("SIGTERM is logged: draining, with how many connections, left, stopped", async () => {
  const { child, url, port, output, printed } = await start();
  await waitUntil("it is ready", async () => (await fetch(`${url}/ready`)).ok);
  for (const client of await Promise.all([openClient(port), openClient(port)])) await client.next("system:connected");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  await printed;
  const lines = output.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { msg: string; connections?: number });
  const logged = lines.slice(lines.findIndex(({ msg }) => msg === "Usher is ready") + 1);
  expect(logged.map(({ msg, connections }) => [msg.split(":")[0], connections])).toEqual([
    ["draining", 2],
    ["left", 2],
    ["stopped", undefined],
  ]);
});

test("lines are readable in a terminal, and JSON when LOG_FORMAT says so or the output is no terminal", async () => {
  const inTerminal = await start({ terminal: true });
  await waitUntil("it logs", () => inTerminal.output.text.includes("Usher is ready"));
  expect(inTerminal.output.text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}/);

  const explicit = await start({ terminal: true, environment: { LOG_FORMAT: "json" } });
  await waitUntil("it logs", () => explicit.output.text.includes("Usher is ready"));
  expect(explicit.output.text).toStartWith('{"level":"info"');

  const piped = await start();
  await waitUntil("it logs", () => piped.output.text.includes("Usher is ready"));
  expect(piped.output.text).toStartWith('{"level":"info"');
});
