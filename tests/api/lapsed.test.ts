import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { openSse } from "../support/sse-client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** Connections that a setting allows end on every node when an owner revokes it, and no others do. */
let here: ServerApiApp;
let there: ServerApiApp;

beforeAll(async () => {
  here = await startServerApiApp();
  there = await startServerApiApp({ DATABASE_URL: here.databaseUrl });
}, 60_000);
afterAll(async () => {
  await there.close();
  await here.close();
});

const SIGNED_OUT = 4102;
const SITE = "https://app.example";
const NODES = () => [here, there];
const port = ({ url }: ServerApiApp) => Number(new URL(url).port);

async function set(changes: object): Promise<void> {
  expect((await here.request(here.owner, "PATCH", "/api/v1/admin/settings", changes)).status).toBe(200);
}

test("anonymous connections and streams end with WS_ALLOW_ANONYMOUS; those of people stay", async () => {
  const sockets = await Promise.all(NODES().map((app) => openClient(port(app))));
  const streams = await Promise.all(NODES().map(({ url }) => openSse(`${url}/api/v1/stream?rooms=event:1`)));
  const person = await openClient(port(here), { query: `?token=${here.owner}` });
  await set({ WS_ALLOW_ANONYMOUS: false });
  for (const socket of sockets) expect(await socket.end()).toBe(SIGNED_OUT);
  for (const stream of streams) await stream.end();
  expect((await person.request("room:join", { room: "event:1" })).type).toBe("room:joined");
  person.close();
  await set({ WS_ALLOW_ANONYMOUS: null });
});

test("what a page of another site has opened with a cookie ends when ALLOWED_ORIGINS loses it; own pages and tokens stay", async () => {
  await set({ ALLOWED_ORIGINS: SITE });
  await waitUntil("the other node knows", async () =>
    (await fetch(`${there.url}/api/v1/meta`, { headers: { origin: SITE } })).headers.has("access-control-allow-origin"),
  );
  const account = { username: "visitor", email: "visitor@example.org", password: "correct horse battery" };
  const made = await fetch(`${here.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(account),
  });
  const cookie = made.headers.get("set-cookie")!.split(";")[0]!;
  const foreign = { cookie, origin: SITE };
  const sockets = await Promise.all(NODES().map((app) => openClient(port(app), { headers: foreign })));
  const streams = await Promise.all(NODES().map(({ url }) => openSse(`${url}/api/v1/stream?rooms=user:me`, foreign)));
  const own = await openClient(port(here), { headers: { cookie, origin: `http://127.0.0.1:${port(here)}` } });
  const byToken = await openClient(port(here), { query: `?token=${here.owner}`, headers: { origin: SITE } });
  await set({ ALLOWED_ORIGINS: null });
  for (const socket of sockets) expect(await socket.end()).toBe(SIGNED_OUT);
  for (const stream of streams) await stream.end();
  for (const client of [own, byToken]) {
    expect((await client.request("system:ping")).type).toBe("system:pong");
    client.close();
  }
});
