import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import type { Sql } from "../../src/platform/postgres/sql.ts";
import { refusal, startGrpcNode, TOKEN } from "../grpc/node.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { findTool, testWhere } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** A database that responds and cannot write: every client gets an error, no one is disconnected, and it recovers. */
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
  const response = await fetch(`${app.url}/ready`);
  return { code: response.status, ...(await response.json()) };
}

async function gauge(app: TestApp): Promise<string | undefined> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return /^usher_database_writable (\d)$/m.exec(text)?.[1];
}

async function call(app: TestApp, path: string, body: object, token?: string) {
  const response = await fetch(`${app.url}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  const result = (await response.json()) as { id: string; access_token: string; code?: string };
  return { status: response.status, retryAfter: response.headers.get("retry-after"), body: result };
}

/** The error of every write. */
const REFUSED = { status: 503, retryAfter: "5", body: { code: "unavailable" } };

const signUp = (app: TestApp, name: string) =>
  call(app, "/auth/register", { email: `${name}@example.org`, username: name, password: "correct horse" });

const WELL = { code: 200, status: "ready", checks: { postgres: "ok", broker: "ok" } };
const ILL = { code: 200, status: "degraded", checks: { postgres: "cannot write", broker: "ok" } };

test("a database that has become read-only degrades the node, and is seen to be writable again although no one writes", async () => {
  const app = await start({});
  const { sql, close } = openDatabase(app.databaseUrl, { max: 1 });
  cleanups.push(close);
  expect(await ready(app)).toMatchObject(WELL);
  expect(await gauge(app)).toBe("1");
  await setReadOnly(app, sql, "on");
  await waitUntil("it is noticed", async () => (await ready(app)).checks?.postgres === "cannot write");
  expect(await ready(app)).toMatchObject(ILL);
  expect(await gauge(app)).toBe("0");
  expect(await signUp(app, "ann")).toMatchObject(REFUSED);
  await setReadOnly(app, sql, "off");
  await waitUntil("it heals", async () => (await ready(app)).checks?.postgres === "ok");
  expect(await gauge(app)).toBe("1");
  expect((await signUp(app, "ann")).status).toBe(201);
});

async function setReadOnly(app: TestApp, sql: Sql, value: "on" | "off"): Promise<void> {
  const name = new URL(app.databaseUrl).pathname.slice(1);
  await sql.unsafe("SET default_transaction_read_only = off");
  await sql.unsafe(`ALTER DATABASE ${name} SET default_transaction_read_only = ${value}`);
  // A connection keeps the setting it began with.
  await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${name} AND pid <> pg_backend_pid()`;
}

/** As if all had been away for an hour: their next use of a session is due to be stored. */
const ageSessions = (sql: Sql) => sql`UPDATE sessions SET last_seen_at = now() - interval '1 hour'`;

test("a read-only database: reads and connections work at every interface, writing is refused by each interface's own code", async () => {
  const node = await startGrpcNode({ LOG_LEVEL: "silent" });
  cleanups.push(() => node.close());
  const { sql, close } = openDatabase(node.databaseUrl, { max: 1 });
  cleanups.push(close);
  const ann = await node.person("ann");
  const { id } = (await call(node, "/channels", { name: "talk", type: "public" }, ann.token)).body;
  const messages = `/channels/${id}/messages`;
  expect((await call(node, messages, { content: "before" }, ann.token)).status).toBe(201);
  // Sessions that no node remembers, so that each is read, and was last used long ago.
  const signIn = async () =>
    (await call(node, "/auth/login", { email: "ann@example.org", password: "correct horse" })).body.access_token;
  const [byHttp, bySocket] = [await signIn(), await signIn()];
  await ageSessions(sql);
  await setReadOnly(node, sql, "on");
  await waitUntil("it is noticed", async () => (await ready(node)).checks?.postgres === "cannot write");
  expect(await ready(node)).toMatchObject(ILL);

  const page = await fetch(`${node.url}/api/v1${messages}`, { headers: { authorization: `Bearer ${byHttp}` } });
  expect([page.status, (await page.json()).data.length]).toEqual([200, 1]);
  const changes = await fetch(`${node.url}/api/v1/changes?after=0`, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(changes.status).toBe(200);
  const socket = await openClient(node.httpPort, { query: `?token=${bySocket}` });
  expect((await socket.request("room:join", { room: `channel:${id}`, since: 0 })).payload).toMatchObject({
    recovered: true,
  });
  expect(await node.request("realtime.RealtimeService/GetConnectionStats", {})).toMatchObject({ total: 1 });

  expect(await call(node, messages, { content: "x" }, byHttp)).toMatchObject(REFUSED);
  expect(await call(node, "/channels", { name: "more", type: "public" }, byHttp)).toMatchObject(REFUSED);
  for (const [type, payload] of [
    ["message:send", { channel_id: id, content: "x" }],
    ["read:mark", { channel_id: id, message_id: "1" }],
  ] as const)
    expect((await socket.request(type, payload)).payload).toMatchObject({ code: "UNAVAILABLE" });
  const refused = await refusal(
    node.request("realtime.RealtimeService/NotifyBookingResult", { user_id: ann.id, booking_id: "b", success: true }),
  );
  expect(refused.code).toBe(status.UNAVAILABLE);
  expect(String(refused.metadata.get("grpc-status-details-bin")[0])).toContain("RetryInfo");

  await setReadOnly(node, sql, "off");
  await waitUntil("it heals", async () => (await ready(node)).checks?.postgres === "ok");
  expect((await call(node, messages, { content: "after" }, byHttp)).status).toBe(201);
  socket.close();
});

test("a poll of the log needs no write when the database accepts none", async () => {
  const app = await start({});
  const { sql, close } = openDatabase(app.databaseUrl, { max: 1 });
  cleanups.push(close);
  await sql.begin("isolation level read committed", async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(7302)`; // no checkpoint by others
    const [before] = await tx`SELECT max(id) AS id FROM ticks`;
    await tx`INSERT INTO log (room_id, seq, at, type, payload) VALUES (1, 1, clock_timestamp(), 'test', '{}')`;
    await tx`UPDATE ticks SET at = at - interval '1 hour' WHERE id = ${before!.id}`;
    await tx`SET LOCAL transaction_read_only = on`;
    const [checkpoint] = await tx`SELECT log_tick() AS id`;
    expect(checkpoint!.id).toBe(before!.id);
  });
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
  // A session that the node does not remember.
  const { access_token: late } = (
    await call(app, "/auth/login", { email: "ann@example.org", password: "correct horse" })
  ).body;
  const post = () => call(app, `/channels/${id}/messages`, { content: "x".repeat(3_900) }, token);
  expect((await post()).status).toBe(201);
  const listener = await openClient(Number(new URL(app.url).port), { query: `?token=${token}` });
  await listener.request("room:join", { room: `channel:${id}` });

  // A whole segment of its log lies ready once something is written to it.
  const owner = openDatabase(server.url.replace("usher@", "postgres@"), { max: 1 });
  await ageSessions(owner.sql);
  await owner.sql`SELECT pg_switch_wal()`;
  await owner.close();
  expect((await post()).status).toBe(201);
  const filler = join(disk, "filler");
  // Until there is no room for more.
  expect(Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"]).exitCode).not.toBe(0);
  const refused = await waitUntil("a post is refused", async () => {
    const result = await post();
    return result.status === 201 ? null : result;
  });
  expect(refused).toMatchObject(REFUSED);
  await waitUntil("every client gets the error", async () => (await ready(app)).checks?.postgres === "cannot write");
  expect(await ready(app)).toMatchObject(ILL);
  expect(await gauge(app)).toBe("0");
  const page = await fetch(`${app.url}/api/v1/channels/${id}/messages`, {
    headers: { authorization: `Bearer ${late}` },
  });
  expect(page.status).toBe(200);
  const newcomer = await openClient(Number(new URL(app.url).port), { query: `?token=${late}` });
  expect(
    (await newcomer.request("message:send", { channel_id: id, content: "x".repeat(3_900) })).payload,
  ).toMatchObject({
    code: "UNAVAILABLE",
  });
  newcomer.close();
  expect((await listener.request("system:ping")).type).toBe("system:pong");

  rmSync(filler);
  await waitUntil("it heals", async () => (await ready(app)).checks?.postgres === "ok");
  expect(await ready(app)).toMatchObject(WELL);
  expect((await post()).status).toBe(201);
  listener.close();
});
