import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Database, openDatabase } from "../../src/platform/postgres/pool.ts";
import type { TransactionSql } from "../../src/platform/postgres/sql.ts";
import { personToken, type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { waitUntil } from "../support/wait-until.ts";

/** A transaction locks rows of rooms for long: calls that do not need them do not wait. */
setDefaultTimeout(60_000);

let app: ServerApiApp;
let database: Database;
let token: string;

beforeAll(async () => {
  app = await startServerApiApp();
  database = openDatabase(app.databaseUrl, { max: 3 });
  token = await app.serviceToken(["notify"]);
  // A call that waits does so until the row is unlocked: one that returns before that has not waited.
  await database.sql.unsafe(`DO $$ DECLARE f regprocedure; BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE proname IN ('log_append', 'post_messages', 'move_read_marks') LOOP
      EXECUTE format('ALTER FUNCTION %s SET lock_timeout = 0', f);
    END LOOP; END $$`);
});
afterAll(async () => {
  await database.close();
  await app.close();
});

const notice = (userId: string) =>
  app.request(token, "POST", `/api/v1/users/${userId}/notices`, { event_type: "note:new", payload: {} });

async function channel(name: string): Promise<string> {
  const { body } = await app.request<{ id: string }>(app.owner, "POST", "/api/v1/channels", { name, type: "public" });
  return body.id;
}

const post = (id: string) => app.request(app.owner, "POST", `/api/v1/channels/${id}/messages`, { content: "hi" });

/** Runs `meanwhile` while the rows of `hold` are locked and `locked` wait for them; returns the outcome of those. */
async function whileLocked<T>(
  hold: (tx: TransactionSql) => Promise<unknown>,
  locked: () => Promise<T>[],
  meanwhile: () => Promise<void>,
): Promise<T[]> {
  let waiting: Promise<T>[] = [];
  await database.sql.begin(async (tx) => {
    await hold(tx);
    let ended = 0;
    waiting = locked();
    for (const each of waiting) each.finally(() => ended++).catch(() => {});
    await waitUntil("a transaction waits for the rows", async () => {
      const [row] = await database.sql<{ n: number }[]>`
        SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return row!.n > 0;
    });
    await meanwhile();
    expect(ended).toBe(0);
  });
  return Promise.all(waiting);
}

const roomsNamed = (names: string[]) => (tx: TransactionSql) =>
  tx`SELECT FROM rooms WHERE name = ANY (${names}::text[]) FOR UPDATE`;

const statuses = (results: { status: number }[]) => [...new Set(results.map(({ status }) => status))];

test("notices to people whose rooms are locked delay neither posts nor notices to others", async () => {
  const [id, people] = [await channel("free"), ["p1", "p2", "p3", "p4", "p5"]];
  for (const person of [...people, "other"]) expect((await notice(person)).status).toBe(200);
  const late = await whileLocked(
    roomsNamed(people.map((person) => `user:${person}`)),
    () => people.map(notice),
    async () => {
      for (let i = 0; i < 5; i++) expect([(await post(id)).status, (await notice("other")).status]).toEqual([201, 200]);
    },
  );
  expect(statuses(late)).toEqual([200]);
});

test("posts to locked channels delay neither posts to others nor notices", async () => {
  const free = await channel("open");
  const locked = await Promise.all(["h1", "h2", "h3", "h4", "h5"].map(channel));
  await notice("other");
  const late = await whileLocked(
    roomsNamed(locked.map((id) => `channel:${id}`)),
    () => locked.map(post),
    async () => {
      for (let i = 0; i < 5; i++)
        expect([(await post(free)).status, (await notice("other")).status]).toEqual([201, 200]);
    },
  );
  expect(statuses(late)).toEqual([201]);
});

test("read marks whose rows are locked do not delay the marks of others", async () => {
  const id = await channel("marked");
  const message = (await post(id)).body as { id: string };
  const people = ["m1", "m2", "m3", "m4", "m5", "m6"];
  const put = async (person: string, path: string, body: object) =>
    app.request(await personToken(person), "PUT", `/api/v1/channels/${id}/${path}`, body);
  for (const person of people) expect((await put(person, "members/me", {})).status).toBe(201);
  const mark = (person: string) => put(person, "read-mark", { message_id: message.id });
  const late = await whileLocked(
    (tx) => tx`SELECT FROM members WHERE channel_id = ${id} AND user_id = ANY (${people.slice(1)}::text[]) FOR UPDATE`,
    () => people.slice(1).map(mark),
    async () => {
      for (let i = 0; i < 5; i++) expect((await mark("m1")).status).toBe(200);
    },
  );
  expect(statuses(late)).toEqual([200]);
});
