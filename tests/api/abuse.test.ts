import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Database, openDatabase } from "../../src/platform/postgres/pool.ts";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { waitUntil } from "../support/wait-until.ts";

setDefaultTimeout(60_000);

/** What one caller may cost. */
let app: ServerApiApp;
let database: Database;

beforeAll(async () => {
  app = await startServerApiApp();
  database = openDatabase(app.databaseUrl, { max: 2 });
});
afterAll(async () => {
  await database.close();
  await app.close();
});

const changes = (token: string, query: Record<string, string>, signal?: AbortSignal) =>
  fetch(`${app.url}/api/v1/changes?${new URLSearchParams(query)}`, {
    headers: { authorization: `Bearer ${token}` },
    signal,
  });
const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString("base64url");

test("of one token fifty calls wait for changes at the same time, and another token's calls continue", async () => {
  const [greedy, other] = [await app.serviceToken(["changes"]), await app.serviceToken(["changes"])];
  const leave = new AbortController();
  const calls = Array.from({ length: 60 }, () => changes(greedy, { wait: "10" }, leave.signal));
  // Nothing happens, so a call that returns now does not wait.
  const first = await Promise.race(calls);
  expect(first.status).toBe(429);
  expect((await changes(greedy, {})).status).toBe(200);
  expect((await changes(other, { wait: "0" })).status).toBe(200);
  leave.abort();
  await Promise.allSettled(calls);
});

test("a position in the log that no response contained is refused, or reads no more than others do", async () => {
  const token = await app.serviceToken(["changes"]);
  const { next } = (await (await changes(token, { after: "0" })).json()) as { next: string };
  const [epoch, checkpoint] = JSON.parse(Buffer.from(next, "base64url").toString()) as [string, number];
  const { sql } = database;
  const newestCheckpoint = async () =>
    (await sql<{ id: number }[]>`SELECT log_tick()::float8, max(id)::float8 AS id FROM ticks`)[0]!.id;
  const writer = await app.serviceToken(["broadcast"]);
  await app.request(writer, "POST", "/api/v1/rooms/event:1/broadcasts", { event_type: "seat:shown", payload: {} });
  // Twice as many entries as a window holds, over two checkpoints.
  for (let n = 0; n < 2; n++) {
    await sql`
      WITH room AS (UPDATE rooms SET head = head + 5001 WHERE name = 'event:1' RETURNING id, head - 5001 AS head)
      INSERT INTO log (room_id, seq, at, type, payload)
      SELECT id, head + n, clock_timestamp(), 'seat:sold', '{}' FROM room, generate_series(1, 5001) n`;
    const before = await newestCheckpoint();
    await waitUntil("there is a checkpoint", async () => (await newestCheckpoint()) > before);
  }
  const [newest] = await sql<{ id: number }[]>`SELECT max(id)::float8 AS id FROM ticks`;
  const wide = await changes(token, {
    after: cursor(epoch, checkpoint, newest!.id, "0", 0),
    limit: "1",
    types: "seat:sold",
  });
  expect(wide.status).toBe(200);
  const returned = JSON.parse(Buffer.from(((await wide.json()) as { next: string }).next, "base64url").toString());
  // Its window is an ordinary one.
  expect(returned[2]).toBeLessThan(newest!.id);
  for (const wrong of [
    cursor(epoch, checkpoint, checkpoint, "9999999999999999999", 0),
    cursor(epoch, checkpoint, checkpoint, "1;--", 0),
  ])
    expect((await changes(token, { after: wrong })).status).toBe(422);
});

test("refusals of an unknown caller are not stored under its Idempotency-Keys", async () => {
  for (let n = 0; n < 3; n++) {
    const result = await app.request(
      null,
      "POST",
      "/api/v1/auth/register",
      { username: "x" },
      { "idempotency-key": `k${n}` },
    );
    expect(result.status).toBe(422);
  }
  const rows = await database.sql`SELECT FROM idempotency_keys WHERE actor LIKE 'address:%'`;
  expect(rows).toHaveLength(0);
});
