import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chooseSeed, seeded } from "../../tests/support/seeded.ts";
import { type ServerApiApp, startServerApiApp } from "../../tests/support/server-api.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { type Database, openDatabase } from "../platform/postgres/pool.ts";

setDefaultTimeout(60_000);

interface Page {
  data: { id: string; room: string; seq: number; type: string; data: Record<string, unknown> }[];
  next: string;
}

let app: ServerApiApp;
let database: Database;
let writer: string;
let consumer: string;

beforeAll(async () => {
  app = await startServerApiApp();
  database = openDatabase(app.databaseUrl, { max: 5 });
  writer = await app.serviceToken(["broadcast"]);
  consumer = await app.serviceToken(["changes"]);
});
afterAll(async () => {
  await database.close();
  await app.close();
});

const changes = async (query: Record<string, string> = {}, token = consumer) =>
  app.request<Page & { code?: string }>(token, "GET", `/api/v1/changes?${new URLSearchParams(query)}`);
const send = (room: string, event_type: string, n: number) =>
  app.request(writer, "POST", `/api/v1/rooms/${room}/broadcasts`, { event_type, payload: { n } });

/** All entries from a position until `until` have come, and the last cursor. */
async function drain(after: string, until: number, query: Record<string, string> = {}, token = consumer) {
  const data: Page["data"] = [];
  let next = after;
  await waitUntil(`${until} changes have come`, async () => {
    const { body } = await changes({ after: next, wait: "1", ...query }, token);
    data.push(...body.data);
    next = body.next;
    return data.length >= until;
  });
  return { data, next };
}

test("without a position it starts now; a waiting call returns as soon as there is an entry", async () => {
  const { body } = await changes();
  expect(body.data).toEqual([]);
  const waiting = changes({ after: body.next, wait: "10" });
  await send("event:1", "seat:sold", 1);
  const { data } = (await waiting).body;
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({ room: "event:1", seq: 1, type: "seat:sold", data: { n: 1 } });
  expect(data[0]!.id).toMatch(/^event:1:[0-9a-f]{12}:1$/);
});

test("internal rooms and rooms of no pattern are not shown, and types choose", async () => {
  const start = (await changes()).body.next;
  const narrow = await app.serviceToken(["changes"], ["event:2*"]);
  await send("event:2", "seat:sold", 1);
  await send("event:21", "price:set", 2);
  await send("event:3", "seat:sold", 3);
  const all = await drain(start, 3);
  expect(all.data.map(({ room }) => room).sort()).toEqual(["event:2", "event:21", "event:3"]);
  expect((await drain(start, 2, {}, narrow)).data.map(({ room }) => room).sort()).toEqual(["event:2", "event:21"]);
  expect((await drain(start, 1, { types: "price:*,seat:held" })).data.map(({ type }) => type)).toEqual(["price:set"]);
  const everything = await drain("0", 4);
  expect(everything.data.filter(({ room }) => room.startsWith("_"))).toEqual([]);
});

test("every entry comes once and in order per room, whatever the page and however slow the writers", async () => {
  const random = seeded(chooseSeed("changes"));
  const start = (await changes()).body.next;
  const rooms = ["event:a", "event:b", "event:c"];
  let made = 0;
  let done = false;
  // Transactions that stay open while later ones commit.
  const writers = Array.from({ length: 4 }, async () => {
    for (let n = 0; n < 15; n++) {
      const pick = rooms.filter(() => random.chance(0.6));
      if (pick.length === 0) continue;
      await database.sql.begin("isolation level read committed", async (tx) => {
        await tx`SELECT pg_current_xact_id()`;
        await Bun.sleep(random.int(0, 120));
        await tx`SELECT * FROM log_append(${pick}::text[], ${pick.map(() => `${random.int(1, 2 ** 40)}`)}::bigint[],
          ${pick.map(() => "test:entry")}::text[], ${pick.map(() => '{"n":1}')}::text[], ${pick.map(() => null)}::text[])`;
      });
      made += pick.length;
    }
  });
  const seen: Page["data"] = [];
  let next = start;
  const reading = (async () => {
    while (!done || seen.length < made) {
      const limit = String(random.int(1, 7));
      const { body } = await changes({ after: next, limit, types: "test:entry", wait: "1" });
      seen.push(...body.data);
      next = body.next;
    }
  })();
  await Promise.all(writers);
  done = true;
  await reading;
  expect(seen).toHaveLength(made);
  for (const room of rooms) {
    const seqs = seen.filter((change) => change.room === room).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  }
});

test("a checkpoint that was thinned out returns some entries again and misses none; one that was removed is 410", async () => {
  const { next: start } = (await changes()).body;
  for (let n = 0; n < 4; n++) {
    await send("event:t", "thin:ned", n);
    await drain(start, n + 1, { types: "thin:*" });
  }
  const half = (await changes({ after: start, types: "thin:*", limit: "2" })).body;
  const tick = JSON.parse(Buffer.from(half.next, "base64url").toString())[1] as number;
  const first = JSON.parse(Buffer.from(start, "base64url").toString())[1] as number;
  await database.sql`DELETE FROM ticks WHERE id > ${first} AND id <= ${tick}`;
  const rest = await drain(half.next, 2, { types: "thin:*" });
  const ids = new Set([...half.data, ...rest.data].map(({ id }) => id));
  expect(ids.size).toBe(4);

  await database.sql`DELETE FROM ticks WHERE id <= ${tick}`;
  expect(await changes({ after: half.next })).toMatchObject({ status: 410, body: { code: "past_retention" } });
  const elsewhere = Buffer.from(JSON.stringify(["another", 1])).toString("base64url");
  expect((await changes({ after: elsewhere })).status).toBe(410);
  expect((await changes({ after: "nonsense" })).status).toBe(422);
});
