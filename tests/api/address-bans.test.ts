import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** Bans of address ranges on two nodes. A trusted proxy on this machine passes each request's address. */
let here: TestApp;
let there: TestApp;
let token: string;
const port = (app: TestApp) => Number(new URL(app.url).port);
const from = (address: string) => ({ "x-forwarded-for": address });

beforeAll(async () => {
  here = await startTestApp({ TRUSTED_PROXIES: "127.0.0.1" });
  there = await startTestApp({ TRUSTED_PROXIES: "127.0.0.1", DATABASE_URL: here.databaseUrl });
  const account = { username: "owner", email: "owner@example.org", password: "correct horse" };
  const response = await fetch(`${here.url}/api/v1/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(account),
  });
  token = ((await response.json()) as { access_token: string }).access_token;
}, 60_000);
afterAll(async () => {
  await there.close();
  await here.close();
});

function call(method: string, path: string, body?: unknown, app = here, address = "192.0.2.1") {
  return fetch(`${app.url}/api/v1${path}`, {
    method,
    headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...from(address) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}
const ban = async (ip_range: string, more: object = {}) => {
  const reply = await call("POST", "/admin/bans", { ip_range, reason: "flood", ...more });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  return { status: reply.status, body: (await reply.json()) as any };
};
const status = async (address: string, app = here, path = "/api/v1/meta") =>
  (await fetch(`${app.url}${path}`, { headers: from(address) })).status;

test("a banned range is refused at every interface of every node, and what was open from there is closed; lifted, it may come again", async () => {
  const inside = "198.51.100.77";
  const sockets = [
    await openClient(port(here), { headers: from(inside) }),
    await openClient(port(there), { headers: from(inside) }),
  ];
  const stream = await fetch(`${there.url}/api/v1/stream?rooms=event:1`, { headers: from(inside) });
  expect(stream.status).toBe(200);
  const otherClient = await openClient(port(there), { headers: from("198.51.101.1") });

  const { status: made, body } = await ban("198.51.100.5/24");
  expect(made).toBe(201);
  expect(body).toMatchObject({ ip_range: "198.51.100.0/24", user_id: null, username: null, until: null });
  for (const socket of sockets) expect(await socket.end()).toBe(4103);
  await stream.text(); // it ends
  for (const app of [here, there]) {
    for (const path of ["/api/v1/meta", "/", "/api/v1/stream?rooms=event:1"])
      expect(await status(inside, app, path)).toBe(403);
    expect(await status("198.51.101.1", app)).toBe(200);
    expect(await status(inside, app, "/ready")).toBe(200);
    expect(openClient(port(app), { headers: from(inside) })).rejects.toThrow();
  }
  expect(otherClient.closed).toBeNull();
  otherClient.close();

  const list = (await (await call("GET", "/admin/bans")).json()) as { data: { ip_range: string }[] };
  expect(list.data.map(({ ip_range }) => ip_range)).toEqual(["198.51.100.0/24"]);
  expect((await call("DELETE", `/admin/bans/${body.id}`)).status).toBe(204);
  for (const app of [here, there])
    await waitUntil("it may come again", async () => (await status(inside, app)) === 200);
  const acts = (await (await call("GET", "/admin/audit-log")).json()) as { data: object[] };
  expect(acts.data).toMatchObject([
    { action: "ban:lifted", subject: "range:198.51.100.0/24", address: "192.0.2.1" },
    { action: "ban:made", subject: "range:198.51.100.0/24", detail: { ban_id: body.id } },
  ]);
});

test("of IPv6 a site is banned whole, and its open sockets are found", async () => {
  const socket = await openClient(port(here), { headers: from("2001:db8:1:2::aaaa") });
  const { body } = await ban("2001:db8:1:2:3:4:5:6");
  expect(body.ip_range).toBe("2001:db8:1:2::/64");
  expect(await socket.end()).toBe(4103);
  expect([await status("2001:db8:1:2::1"), await status("2001:db8:1:3::1")]).toEqual([403, 200]);
});

test("a ban expires", async () => {
  await ban("203.0.113.9", { until: new Date(Date.now() + 1_500).toISOString() });
  await waitUntil("it is banned", async () => (await status("203.0.113.9")) === 403);
  await waitUntil("it may come again", async () => (await status("203.0.113.9")) === 200);
});

test("a node that starts knows the bans", async () => {
  await ban("203.0.113.64/26");
  const late = await startTestApp({ TRUSTED_PROXIES: "127.0.0.1", DATABASE_URL: here.databaseUrl });
  expect([await status("203.0.113.65", late), await status("203.0.113.1", late)]).toEqual([403, 200]);
  await late.close();
});

test("mistakes are refused in a sentence, and no one locks themselves out", async () => {
  const refused = async (body: object) => {
    const response = await call("POST", "/admin/bans", { reason: "x", ...body });
    return [response.status, ((await response.json()) as { code: string }).code];
  };
  expect(await refused({ ip_range: "198.51.100.0/33" })).toEqual([422, "invalid"]);
  expect(await refused({ ip_range: "2001:db8::/96" })).toEqual([422, "invalid"]);
  expect(await refused({ ip_range: "192.0.0.0/16" })).toEqual([403, "forbidden"]);
  expect(await refused({})).toEqual([422, "invalid"]);
  expect(await refused({ ip_range: "198.51.100.0/24", user_id: "1" })).toEqual([422, "invalid"]);
  expect(await refused({ ip_range: "198.51.100.0/24", until: "2020-01-01T00:00:00Z" })).toEqual([422, "invalid"]);
});

test("a ban, and its end, is in force on the node that handles the call when it returns", async () => {
  for (let n = 0; n < 10; n++) {
    const { body } = await ban(`203.0.113.${n}`);
    expect(await status(`203.0.113.${n}`)).toBe(403);
    expect((await call("DELETE", `/admin/bans/${body.id}`)).status).toBe(204);
    expect(await status(`203.0.113.${n}`)).toBe(200);
  }
});
