import { afterAll, beforeAll, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { startTestApp, TEST_ISSUER, TEST_SECRET, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";

/** Two whole nodes on one database, without a broker: what one does reaches the other by the log alone. */
let a: TestApp;
let b: TestApp;
let sql: Bun.SQL;
let owner: string;
let ownerId: string;
beforeAll(async () => {
  a = await startTestApp({ BROKER: "memory" });
  b = await startTestApp({ DATABASE_URL: a.databaseUrl, BROKER: "memory" });
  sql = new Bun.SQL(a.databaseUrl, { max: 1 });
  ({ id: ownerId, token: owner } = await register("owner"));
});
afterAll(async () => {
  await sql.close();
  await b.close();
  await a.close();
});

async function call(app: TestApp, method: string, path: string, body?: object, token?: string) {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`${app.url}/api/v1${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

async function register(username: string) {
  const { body } = await call(a, "POST", "/auth/register", {
    email: `${username}@example.org`,
    username,
    password: "correct horse",
  });
  return { id: body.user.id as string, token: body.access_token as string };
}

function foreignToken(subject: string): Promise<string> {
  return new SignJWT({ sub: subject })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(TEST_ISSUER)
    .setExpirationTime("5m")
    .sign(new TextEncoder().encode(TEST_SECRET));
}

/** Runs while no poll of the log ends: the other node does not receive what one node has done. */
async function whileIsolated<T>(run: () => Promise<T>): Promise<T> {
  return sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(7302)`; // log_tick()'s own
    return run();
  });
}

/** Opens a connection to B, and has B know the session. */
async function connect(token: string): Promise<WsClient> {
  const client = await openClient(Number(new URL(b.url).port), { query: `?token=${token}` });
  await client.next("system:connected");
  expect((await call(b, "GET", "/users/me", undefined, token)).status).toBe(200);
  return client;
}

test("a sign-out on one node is effective on the other: socket and API", async () => {
  const { token } = await register("ann");
  const client = await connect(token);
  await call(a, "POST", "/auth/logout", undefined, token);
  expect(await client.end()).toBe(4102);
  expect((await call(b, "GET", "/users/me", undefined, token)).status).toBe(401);
});

test("a ban on one node is effective on the other, and so is its end", async () => {
  const { id, token } = await register("bob");
  const client = await connect(token);
  const ban = await call(a, "POST", "/admin/bans", { user_id: id, reason: "spam" }, owner);
  expect(await client.end()).toBe(4103);
  expect((await call(b, "GET", "/users/me", undefined, token)).status).toBe(401);
  expect((await call(b, "POST", "/auth/login", { username: "bob", password: "correct horse" })).status).toBe(403);
  await call(a, "DELETE", `/admin/bans/${ban.body.id}`, undefined, owner);
  const again = await call(b, "POST", "/auth/login", { username: "bob", password: "correct horse" });
  const back = await openClient(Number(new URL(b.url).port), { query: `?token=${again.body.access_token}` });
  await back.next("system:connected");
  // The ban comes again with the next poll of the log; it closes nothing any more.
  await call(a, "PATCH", "/users/me", { name: "O" }, owner);
  expect((await back.request("system:ping")).type).toBe("system:pong");
  expect(back.closed).toBeNull();
  back.close();
});

test("the end of a ban is effective on a node that has not received it, and that receives the ban only then", async () => {
  const { id, token } = await register("dan");
  const [before, far] = [await connect(token), await foreignToken("far")];
  const ban = async (user_id: string) =>
    (await call(a, "POST", "/admin/bans", { user_id, reason: "spam" }, owner)).body.id as string;
  const lift = async (ban: string) => call(a, "DELETE", `/admin/bans/${ban}`, undefined, owner);
  const signIn = async () => {
    const { body } = await call(b, "POST", "/auth/login", { username: "dan", password: "correct horse" });
    return body.access_token as string;
  };
  const greeted: WsClient[] = [];
  const farBefore = await connect(far);
  const [first, foreign] = [await ban(id), await ban("far")];
  expect([await before.end(), await farBefore.end()]).toEqual([4103, 4103]);
  expect((await call(b, "GET", "/users/me", undefined, far)).status).toBe(403);
  const older = await whileIsolated(async () => {
    await lift(first);
    await lift(foreign);
    const older = await connect(await signIn());
    greeted.push(older, await connect(far));
    return older;
  });
  await whileIsolated(async () => {
    await lift(await ban(id));
    greeted.push(await connect(await signIn()));
  });
  expect(await older.end()).toBe(4103);
  for (const client of greeted) {
    if (client === older) continue;
    expect((await client.request("system:ping")).type).toBe("system:pong");
    client.close();
  }
});

test("a user renamed on one node posts under the new name on the other", async () => {
  const { token } = await register("cem");
  const speaker = await connect(token);
  const listener = await connect(owner);
  const { body: channel } = await call(a, "POST", "/channels", { name: "names", type: "public" }, token);
  await call(a, "PUT", `/channels/${channel.id}/members/${ownerId}`, {}, owner);
  const joined = await listener.request("room:join", { room: `channel:${channel.id}` });
  expect(joined.type).toBe("room:joined");
  await call(a, "PATCH", "/users/me", { username: "cemil" }, token);
  await waitUntil("the new name is known", async () => {
    await speaker.request("typing:start", { channel_id: channel.id });
    await speaker.request("typing:stop", { channel_id: channel.id });
    return listener.frames.some((f) => f.type === "typing:started" && f.payload.username === "cemil");
  });
  for (const client of [speaker, listener]) client.close();
});
