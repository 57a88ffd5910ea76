import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedPostgres, startEmbedded } from "../src/platform/postgres/embedded.ts";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { openClient } from "../tests/support/ws-client.ts";

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "usher-new-epoch-"));
const dataDir = join(folder, "data");
const copy = join(folder, "copy");
// PostgreSQL runs as another user where this is root.
chmodSync(folder, 0o711);
let server: EmbeddedPostgres;
let app: TestApp;
afterAll(async () => {
  await app?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  server = await startEmbedded({ dataDir, settings: { fsync: "off" } });
  app = await startTestApp({ DATABASE_URL: server.url, LOG_LEVEL: "silent" });
}

async function stop(): Promise<void> {
  await app.close();
  await server.stop();
}

/** With owners and modes. */
function copyAll(from: string, to: string): void {
  expect(Bun.spawnSync(["cp", "-a", from, to]).exitCode).toBe(0);
}

/** The program, as a person starts it. */
async function run(env: Record<string, string>, ...words: string[]) {
  const child = Bun.spawn([process.execPath, "--no-env-file", join(import.meta.dirname, "new-epoch.ts"), ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { out, err, code: await child.exited };
}

async function call(path: string, body: object, token?: string) {
  const response = await fetch(`${app.url}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  expect(response.ok).toBe(true);
  return (await response.json()) as { id: string; access_token: string };
}

const connect = (token: string) => openClient(Number(new URL(app.url).port), { query: `?token=${token}` });

test("after an old copy was restored, positions of the life before count for nothing", async () => {
  await start();
  const account = { email: "ann@example.org", username: "ann", password: "correct horse" };
  const { access_token: token } = await call("/auth/register", account);
  const { id } = await call("/channels", { name: "talk", type: "public" }, token);
  const say = (content: string) => call(`/channels/${id}/messages`, { content }, token);
  await stop();
  copyAll(dataDir, copy);

  await start();
  await say("what is lost");
  const before = await connect(token);
  const { payload: seen } = await before.request("room:join", { room: `channel:${id}` });
  before.close();
  await stop();
  rmSync(dataDir, { recursive: true });
  copyAll(copy, dataDir);

  await start();
  await say("what is in its place");
  await say("what comes after it");
  const client = await connect(token);
  const since = { room: `channel:${id}`, since: seen.seq, epoch: seen.epoch };
  // Numbers and files match: only a new epoch shows the difference.
  expect((await client.request("room:join", since)).payload).toMatchObject({ recovered: true });

  const { out, err, code } = await run({ DATA_DIR: dataDir });
  expect({ err, code }).toEqual({ err: "", code: 0 });
  const epoch = /new epoch, (\w{12}):/.exec(out)?.[1];
  expect(epoch).not.toBe(seen.epoch as string);
  expect(await client.end()).toBe(4001);
  const again = await connect(token);
  expect((await again.request("room:join", since)).payload).toMatchObject({ recovered: false, epoch });
  again.close();
});

test("a database without a log, and an argument too many: a sentence, and an exit code for scripts", async () => {
  const url = server.url.replace(/\/usher$/, "/postgres");
  const { out, err, code } = await run({ DATABASE_URL: url });
  expect({ out, code }).toEqual({ out: "", code: 1 });
  expect(err).toStartWith("This database has no log of this release yet.");
  expect(await run({ DATA_DIR: dataDir }, "now")).toEqual({
    out: "",
    err: "It takes no arguments: npm run new-epoch\n",
    code: 2,
  });
});
