import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { findTool, testWhere } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** A database that answers and cannot write: everybody is told, nobody is sent away, and it heals by itself. */
setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(env: Record<string, string>): Promise<TestApp> {
  const app = await startTestApp({ LOG_LEVEL: "silent", ...env });
  cleanups.push(() => app.close());
  return app;
}

async function ready(app: TestApp): Promise<{ code: number; status: string; checks?: Record<string, string> }> {
  const answer = await fetch(`${app.url}/ready`);
  return { code: answer.status, ...(await answer.json()) };
}

async function gauge(app: TestApp): Promise<string | undefined> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return /^usher_database_writable (\d)$/m.exec(text)?.[1];
}

async function call(app: TestApp, path: string, body: object, token?: string) {
  const answer = await fetch(`${app.url}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as { id: string; access_token: string; code?: string } };
}

const signUp = (app: TestApp, name: string) =>
  call(app, "/auth/register", { email: `${name}@example.org`, username: name, password: "correct horse" });

const WELL = { code: 200, status: "ready", checks: { postgres: "ok", broker: "ok" } };
const ILL = { code: 200, status: "degraded", checks: { postgres: "cannot write", broker: "ok" } };

test("a database that has become read-only degrades the node, and is seen to write again although nobody writes", async () => {
  const app = await start({});
  const { sql, close } = openDatabase(app.databaseUrl, { max: 1 });
  cleanups.push(close);
  expect(await ready(app)).toMatchObject(WELL);
  expect(await gauge(app)).toBe("1");
  const name = new URL(app.databaseUrl).pathname.slice(1);
  const setReadOnly = async (value: "on" | "off") => {
    await sql.unsafe("SET default_transaction_read_only = off");
    await sql.unsafe(`ALTER DATABASE ${name} SET default_transaction_read_only = ${value}`);
    // A connection keeps what it began with.
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${name} AND pid <> pg_backend_pid()`;
  };
  await setReadOnly("on");
  await waitUntil("it is noticed", async () => (await ready(app)).checks?.postgres === "cannot write");
  expect(await ready(app)).toMatchObject(ILL);
  expect(await gauge(app)).toBe("0");
  expect((await signUp(app, "ann")).status).toBeGreaterThanOrEqual(500);
  await setReadOnly("off");
  await waitUntil("it heals", async () => (await ready(app)).checks?.postgres === "ok");
  expect(await gauge(app)).toBe("1");
  expect((await signUp(app, "ann")).status).toBe(201);
});

const asRoot = process.geteuid?.() === 0 ? [] : ["sudo", "-n"];

/** A disk of so many bytes, in memory. */
function smallDisk(bytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), "usher-disk-"));
  const run = (...command: string[]) => Bun.spawnSync([...asRoot, ...command]).exitCode === 0;
  if (!run("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0777`, "tmpfs", folder))
    throw new Error("No disk was made.");
  cleanups.push(() => {
    run("umount", folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Whether this user may mount a disk: root, in a container too only with the right to do so. */
function mayMount(): boolean {
  if (findTool("mount") === null) return false;
  const folder = mkdtempSync(join(tmpdir(), "usher-disk-"));
  const run = (...command: string[]) => Bun.spawnSync([...asRoot, ...command]).exitCode === 0;
  try {
    return run("mount", "-t", "tmpfs", "tmpfs", folder) && run("umount", folder);
  } catch {
    return false; // There is no sudo.
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

testWhere(
  mayMount(),
  "mount, as root",
  "run npm test as root",
)("a full disk: writing is 503, reading and being there go on, and all is well when there is room", async () => {
  const disk = smallDisk(320_000_000);
  // With its own log made in advance, or PostgreSQL would end when that finds no room.
  const server = await startEmbedded({
    dataDir: join(disk, "data"),
    settings: { fsync: "off", wal_init_zero: "on" },
  });
  cleanups.push(() => server.stop());
  const app = await start({ DATABASE_URL: server.url });
  const { access_token: token } = (await signUp(app, "ann")).body;
  const { id } = (await call(app, "/channels", { name: "talk", type: "public" }, token)).body;
  const post = () => call(app, `/channels/${id}/messages`, { content: "x".repeat(3_900) }, token);
  expect((await post()).status).toBe(201);
  const listener = await openClient(Number(new URL(app.url).port), { query: `?token=${token}` });
  await listener.ask("room:join", { room: `channel:${id}` });

  // A whole segment of its log lies ready once something is written to it.
  const owner = openDatabase(server.url.replace("usher@", "postgres@"), { max: 1 });
  await owner.sql`SELECT pg_switch_wal()`;
  await owner.close();
  expect((await post()).status).toBe(201);
  const filler = join(disk, "filler");
  // Until there is no room for more.
  expect(Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"]).exitCode).not.toBe(0);
  const refused = await waitUntil("a post is refused", async () => {
    const answer = await post();
    return answer.status === 201 ? null : answer;
  });
  expect(refused).toMatchObject({ status: 503, body: { code: "unavailable" } });
  await waitUntil("everybody is told", async () => (await ready(app)).checks?.postgres === "cannot write");
  expect(await ready(app)).toMatchObject(ILL);
  expect(await gauge(app)).toBe("0");
  const page = await fetch(`${app.url}/api/v1/channels/${id}/messages`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(page.status).toBe(200);
  expect((await listener.ask("system:ping")).type).toBe("system:pong");

  rmSync(filler);
  await waitUntil("it heals", async () => (await ready(app)).checks?.postgres === "ok");
  expect(await ready(app)).toMatchObject(WELL);
  expect((await post()).status).toBe(201);
  listener.close();
});
