import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { raceOnLockedRow } from "../support/race-on-locked-row.ts";

setDefaultTimeout(60_000);

let app: TestApp;
let database: ReturnType<typeof openDatabase>;
let token: string;
let things: Thing[];

/** Something that can be read and edited; `row` is what an edit has to lock. */
interface Thing {
  path: string;
  edit: (text: string) => Record<string, string>;
  row: { table: string; id: string };
}

beforeAll(async () => {
  app = await startTestApp();
  database = openDatabase(app.databaseUrl, { max: 2 });
  const account = { email: "ann@example.org", username: "ann", password: "the password of ann" };
  const ann = await call("POST", "/auth/register", account);
  token = ann.body.access_token;
  const channel = (await call("POST", "/channels", { type: "public", name: "talk" })).body.id;
  const message = (await call("POST", `/channels/${channel}/messages`, { content: "hello" })).body.id;
  things = [
    { path: `/channels/${channel}`, edit: (topic) => ({ topic }), row: { table: "channels", id: channel } },
    { path: `/messages/${message}`, edit: (content) => ({ content }), row: { table: "rooms", id: channel } },
    { path: "/users/me", edit: (name) => ({ name }), row: { table: "users", id: ann.body.user.id } },
  ];
}, 60_000);
afterAll(async () => {
  await database.close();
  await app.close();
});

async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${app.url}/api/v1${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  const json: any = await response.json();
  return { status: response.status, code: json.code, etag: response.headers.get("etag"), body: json };
}

const edit = ({ path, edit }: Thing, text: string, ifMatch?: string | null) =>
  call("PATCH", path, edit(text), ifMatch ? { "if-match": ifMatch } : {});

test("an edit with the tag that was read succeeds and returns the next tag; with an old one it is 412 and changes nothing", async () => {
  for (const thing of things) {
    const read = await call("GET", thing.path);
    expect(read.etag).toMatch(/^"[\w-]+"$/);
    const first = await edit(thing, "first", read.etag);
    expect([thing.path, first.status, first.etag === read.etag]).toEqual([thing.path, 200, false]);
    const stale = await edit(thing, "second", read.etag);
    expect([thing.path, stale.status, stale.code]).toEqual([thing.path, 412, "changed"]);
    const now = await call("GET", thing.path);
    expect(now.etag).toBe(first.etag);
    expect(now.body).toMatchObject(thing.edit("first"));
    expect((await edit(thing, "third", first.etag)).status).toBe(200);
    expect((await edit(thing, "fourth", "*")).status).toBe(200);
    expect((await edit(thing, "fifth")).status).toBe(200);
    expect((await edit(thing, "sixth", "no quotes")).code).toBe("malformed");
  }
});

test("of two concurrent edits of a row with the same tag only one succeeds", async () => {
  for (const thing of things) {
    const { etag } = await call("GET", thing.path);
    const racers = await raceOnLockedRow(database.sql, thing.row, () => [
      edit(thing, "left", etag),
      edit(thing, "right", etag),
    ]);
    expect([thing.path, ...racers.map(({ status }) => status).sort()]).toEqual([thing.path, 200, 412]);
    const winner = racers.find(({ status }) => status === 200);
    expect((await call("GET", thing.path)).etag).toBe(winner!.etag);
  }
});

test("what is no edit leaves the tag unchanged: a new message does not make a rename stale", async () => {
  const [channel] = things;
  const { etag, body } = await call("GET", channel!.path);
  await call("POST", `${channel!.path}/messages`, { content: "more" });
  const later = await call("GET", channel!.path);
  expect(later.body.last_seq).toBe(body.last_seq + 1);
  expect(later.etag).toBe(etag);
});
