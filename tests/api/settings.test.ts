import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** Options that an admin sets on one node: each is in force there at once, and on the other node soon, without a restart. */
let here: TestApp;
let there: TestApp;
let token: string;
const port = (app: TestApp) => Number(new URL(app.url).port);

beforeAll(async () => {
  here = await startTestApp();
  there = await startTestApp({ DATABASE_URL: here.databaseUrl });
  token = await register("owner");
}, 60_000);
afterAll(async () => {
  await there.close();
  await here.close();
});

async function register(username: string): Promise<string> {
  const body = JSON.stringify({ username, email: `${username}@example.org`, password: "correct horse" });
  const response = await fetch(`${here.url}/api/v1/auth/register`, { method: "POST", body, headers: JSON_TYPE });
  return ((await response.json()) as { access_token: string }).access_token;
}

const JSON_TYPE = { "content-type": "application/json" };

async function call(method: string, path: string, body?: unknown, as = token) {
  const response = await fetch(`${here.url}/api/v1${path}`, {
    method,
    headers: { ...JSON_TYPE, authorization: `Bearer ${as}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  return { status: response.status, body: (await response.json()) as any };
}

const set = async (changes: Record<string, unknown>) => {
  const { status, body } = await call("PATCH", "/admin/settings", changes);
  expect(body.errors).toBeUndefined();
  expect(status).toBe(200);
  return body.data as { name: string; value: string | null; set_by: string | null; change: string }[];
};

test("a mistake is refused in a sentence, and nothing changes", async () => {
  const refused = async (changes: Record<string, unknown>) => {
    const { status, body } = await call("PATCH", "/admin/settings", { REGISTRATION: "closed", ...changes });
    expect(status).toBe(422);
    return body.errors[0];
  };
  expect(await refused({ WS_RATE_LIMT: 5 })).toEqual({
    pointer: "/WS_RATE_LIMT",
    code: "unknown_field",
    message: "Usher does not know WS_RATE_LIMT. Did you mean WS_RATE_LIMIT?",
  });
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`WRONG_${i}`, 1]));
  expect((await call("PATCH", "/admin/settings", many)).body.errors).toHaveLength(50);
  expect((await refused({ HTTP_PORT: 80 })).message).toContain("needs a restart");
  expect((await refused({ JWT_SECRET: "x".repeat(40) })).message).toContain("in the environment only");
  expect((await refused({ WS_PING_INTERVAL: 30 })).message).toContain('"15s"');
  expect((await refused({ WS_PONG_TIMEOUT: "5s" })).pointer).toBe("/WS_PONG_TIMEOUT");
  const { registration } = (await (await fetch(`${here.url}/api/v1/meta`)).json()) as { registration: string };
  expect(registration).toBe("open");
});

test("only admins see and set them; secrets are not shown", async () => {
  const other = await register("someone");
  expect((await call("GET", "/admin/settings", undefined, other)).status).toBe(403);
  expect((await call("PATCH", "/admin/settings", { REGISTRATION: "closed" }, other)).status).toBe(403);
  const { body } = await call("GET", "/admin/settings");
  expect(body.data.find(({ name }: { name: string }) => name === "JWT_SECRET")).toMatchObject({
    value: null,
    secret: true,
    change: "reload",
  });
  expect(JSON.stringify(body)).not.toContain("a secret of the tests");
});

test("what is set holds on every node, also on one that starts later, until it is reset; each change is in the audit log", async () => {
  const meta = async (app: TestApp) =>
    ((await (await fetch(`${app.url}/api/v1/meta`)).json()) as { registration: string }).registration;
  const all = await set({ REGISTRATION: "invite" });
  expect(all.find(({ name }) => name === "REGISTRATION")).toMatchObject({ value: "invite", change: "now" });
  expect(await meta(here)).toBe("invite");
  await waitUntil("the other node has it", async () => (await meta(there)) === "invite");
  const late = await startTestApp({ DATABASE_URL: here.databaseUrl });
  expect(await meta(late)).toBe("invite");
  await late.close();

  const reset = await set({ REGISTRATION: null });
  expect(reset.find(({ name }) => name === "REGISTRATION")).toMatchObject({ value: "open", set_by: null });
  await waitUntil("the other node has it too", async () => (await meta(there)) === "open");
  const { body } = await call("GET", "/admin/audit-log?action=setting:changed&limit=2");
  expect(body.data).toMatchObject([
    { actor_name: "owner", subject: "setting:REGISTRATION", detail: { from: "invite", to: null } },
    {
      actor_name: "owner",
      subject: "setting:REGISTRATION",
      detail: { from: null, to: "invite" },
      address: "127.0.0.1",
    },
  ]);
});

test("the audit log is read page by page and by filter", async () => {
  await set({ LOG_RETENTION: "49h" });
  await set({ LOG_RETENTION: null });
  const first = (await call("GET", "/admin/audit-log?limit=1")).body;
  const second = (await call("GET", `/admin/audit-log?limit=1&after=${first.next}`)).body;
  expect(Number(first.data[0].id)).toBeGreaterThan(Number(second.data[0].id));
  const [{ actor, at }] = first.data;
  expect((await call("GET", `/admin/audit-log?actor_id=${actor}&from=${at}`)).body.data).toHaveLength(1);
  expect((await call("GET", "/admin/audit-log?actor_id=unknown")).body.data).toEqual([]);
  expect((await call("GET", `/admin/audit-log?to=${second.data[0].at}`)).body.data).not.toContainEqual(second.data[0]);
  expect((await call("GET", "/admin/audit-log?action=unheard:of")).status).toBe(422);
});

async function makeAdmin(): Promise<string> {
  const username = `admin-${crypto.randomUUID().slice(0, 8)}`;
  const admin = await register(username);
  const { id } = (await call("GET", "/users/me", undefined, admin)).body;
  expect((await call("PATCH", `/admin/users/${id}`, { role: "admin" })).status).toBe(200);
  return admin;
}

test("what opens the server or deletes the log is set by owners only; an admin sets the rest", async () => {
  const admin = await makeAdmin();
  for (const changes of [
    { ALLOWED_ORIGINS: "https://app.example" },
    { REGISTRATION: "open" },
    { WS_ALLOW_ANONYMOUS: true },
    { LOG_RETENTION: "1s" },
    { ALLOWED_ORIGINS: null },
    { LOG_LEVEL: "error", REGISTRATION: "closed" },
  ]) {
    const { status, body } = await call("PATCH", "/admin/settings", changes, admin);
    expect([status, body.code, body.errors.length]).toEqual([403, "forbidden", 1]);
  }
  expect((await call("PATCH", "/admin/settings", { LOG_LEVEL: "error" }, admin)).status).toBe(200);
  const { body } = await call("GET", "/admin/settings", undefined, admin);
  const forOwners = body.data.filter(({ owners_only }: { owners_only: boolean }) => owners_only);
  expect(forOwners.map(({ name }: { name: string }) => name).toSorted()).toEqual([
    "ALLOWED_ORIGINS",
    "LOG_MAX_BYTES",
    "LOG_RETENTION",
    "REGISTRATION",
    "WS_ALLOW_ANONYMOUS",
  ]);
  const choices = Object.fromEntries(
    body.data.map((row: { name: string; choices: unknown }) => [row.name, row.choices]),
  );
  expect(choices).toMatchObject({
    REGISTRATION: ["open", "invite", "closed"],
    WS_ALLOW_ANONYMOUS: ["true", "false"],
    LOG_RETENTION: null,
  });
});

test("ALLOWED_ORIGINS takes origins of the web alone", async () => {
  const wrong = ["null", "*", "javascript:x", "https://*.example", "https://a.example/path", "https://a@b.example"];
  for (const ALLOWED_ORIGINS of [...wrong, "file:///", "data:text/html,x", "a.example", `https://a.example,null`]) {
    const { status, body } = await call("PATCH", "/admin/settings", { ALLOWED_ORIGINS });
    expect([ALLOWED_ORIGINS, status, body.errors?.[0]?.pointer]).toEqual([ALLOWED_ORIGINS, 422, "/ALLOWED_ORIGINS"]);
  }
  const all = await set({ ALLOWED_ORIGINS: "https://APP.example:443/, http://localhost:5173" });
  expect(all.find(({ name }) => name === "ALLOWED_ORIGINS")?.value).toBe("https://app.example,http://localhost:5173");
  await set({ ALLOWED_ORIGINS: null });
});

test("a stored setting that is invalid in this release is ignored, and the others stay", async () => {
  const database = openDatabase(here.databaseUrl, { max: 1 });
  await set({ WS_RATE_LIMIT: "77" });
  await database.sql`INSERT INTO settings (name, value, set_by) VALUES ('ALLOWED_ORIGINS', 'null', 'x')`;
  const third = await startTestApp({ DATABASE_URL: here.databaseUrl });
  const response = await fetch(`${third.url}/api/v1/admin/settings`, { headers: { authorization: `Bearer ${token}` } });
  const { data } = (await response.json()) as { data: { name: string; value: string | null }[] };
  const shown = (name: string) => data.find((setting) => setting.name === name)?.value;
  expect([shown("ALLOWED_ORIGINS"), shown("WS_RATE_LIMIT")]).toEqual(["", "77"]);
  await third.close();
  await database.close();
  await set({ ALLOWED_ORIGINS: null, WS_RATE_LIMIT: null });
}, 60_000);

test("ALLOWED_ORIGINS: another site's pages may read responses, write with a cookie, and open sockets", async () => {
  const origin = "https://app.example";
  const allowed = async (app: TestApp) =>
    (await fetch(`${app.url}/api/v1/meta`, { headers: { origin } })).headers.get("access-control-allow-origin");
  const socket = async () => {
    const login = await fetch(`${here.url}/api/v1/auth/login`, {
      method: "POST",
      body: JSON.stringify({ username: "owner", password: "correct horse" }),
      headers: JSON_TYPE,
    });
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    return openClient(port(here), { headers: { cookie, origin } }).then(
      (client) => client.close() ?? true,
      () => false,
    );
  };
  expect(await allowed(here)).toBeNull();
  expect(await socket()).toBe(false);
  await set({ ALLOWED_ORIGINS: origin });
  expect(await allowed(here)).toBe(origin);
  expect(await socket()).toBe(true);
  await waitUntil("the other node knows", async () => (await allowed(there)) === origin);
  await set({ ALLOWED_ORIGINS: null });
  expect(await allowed(here)).toBeNull();
});

test("WS_ALLOW_ANONYMOUS: a client that does not say who it is, is refused from now on", async () => {
  (await openClient(port(here))).close();
  await set({ WS_ALLOW_ANONYMOUS: false });
  expect(openClient(port(here))).rejects.toThrow();
  await set({ WS_ALLOW_ANONYMOUS: null });
  (await openClient(port(here))).close();
});

test("WS_RATE_LIMIT: a connection that is open already has the new limit", async () => {
  const client = await openClient(port(here));
  await client.next("system:connected");
  const burst = () => {
    for (let id = 1; id <= 100; id++) client.send({ type: "system:ping", id, payload: {} });
  };
  const replies = () => client.frames.filter(({ type }) => type === "system:pong" || type === "system:error");
  burst();
  await waitUntil("all replies came", () => replies().length === 100);
  expect(replies().some(({ type }) => type === "system:error")).toBe(false);
  await set({ WS_RATE_LIMIT: 1 });
  burst();
  await client.end();
  await set({ WS_RATE_LIMIT: null });
});

test("WS_PING_INTERVAL, WS_PONG_TIMEOUT: an open connection that sends nothing is pinged, and cut, by the new times", async () => {
  const mute = connect(port(here), "127.0.0.1");
  const received: Buffer[] = [];
  mute.on("data", (bytes: Buffer) => received.push(bytes));
  mute.on("error", () => {});
  const closed = new Promise<void>((resolve) => mute.on("close", () => resolve()));
  mute.write(
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await waitUntil("it is open", () => Buffer.concat(received).includes("system:connected"));
  await set({ WS_PING_INTERVAL: "200ms", WS_PONG_TIMEOUT: "600ms" });
  await closed;
  expect(Buffer.concat(received).includes(Buffer.from([0x89, 0]))).toBe(true); // a ping frame without payload
  await set({ WS_PING_INTERVAL: null, WS_PONG_TIMEOUT: null });
});

test("HTTP_RATE_LIMIT: the requests of an address are counted by the new limit", async () => {
  await set({ HTTP_RATE_LIMIT: 600 });
  const request = () => fetch(`${here.url}/api/v1/meta`);
  expect((await request()).headers.get("ratelimit-policy")).toContain('"address";q=600;w=60');
  const statuses = await Promise.all(Array.from({ length: 700 }, async () => (await request()).status));
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(90);
  await waitUntil("the other node counts so too", async () =>
    (await fetch(`${there.url}/api/v1/meta`)).headers.get("ratelimit-policy")!.includes("q=600;"),
  );
});
