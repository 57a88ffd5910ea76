import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";
import { openSse } from "../support/sse-client.ts";

setDefaultTimeout(60_000);

/** Responses that last for minutes, on one of two nodes without a broker; the right to them is revoked on the other. */
let here: ServerApiApp;
let there: ServerApiApp;
let ownerId: string;

const OUTSIDE = "198.51.100.7";
const CHECKED = { TRUSTED_PROXIES: "127.0.0.1" };

beforeAll(async () => {
  here = await startServerApiApp(CHECKED);
  there = await startServerApiApp({ ...CHECKED, DATABASE_URL: here.databaseUrl });
  ownerId = (await here.request<{ id: string }>(here.owner, "GET", "/api/v1/users/me")).body.id;
});
afterAll(async () => {
  await there.close();
  await here.close();
});

interface Admin {
  id: string;
  token: string;
}

async function makeAdmin(role = "admin"): Promise<Admin> {
  const username = `a-${crypto.randomUUID().slice(0, 8)}`;
  const account = { username, email: `${username}@example.org`, password: "correct horse battery" };
  const { body } = await here.request<{ access_token: string; user: { id: string } }>(
    null,
    "POST",
    "/api/v1/auth/register",
    account,
  );
  await here.request(here.owner, "PATCH", `/api/v1/admin/users/${body.user.id}`, { role });
  return { id: body.user.id, token: body.access_token };
}

const openTrace = (query: string, { token }: Admin) =>
  openSse(`${there.url}/api/v1/admin/traces?${query}&seconds=300`, {
    authorization: `Bearer ${token}`,
    "x-forwarded-for": OUTSIDE,
  });

const ban = (what: object) => here.request(here.owner, "POST", "/api/v1/admin/bans", { reason: "test", ...what });
const change = (id: string, changes: object) => here.request(here.owner, "PATCH", `/api/v1/admin/users/${id}`, changes);

const ENDS: [string, (admin: Admin) => Promise<{ status: number }>][] = [
  ["a ban", ({ id }) => ban({ user_id: id })],
  ["a disabled account", ({ id }) => change(id, { disabled: true })],
  ["the loss of the role", ({ id }) => change(id, { role: "member" })],
  ["signing out", ({ token }) => here.request(token, "POST", "/api/v1/auth/logout")],
  [
    "an owner who ends the sessions",
    ({ id }) => here.request(here.owner, "DELETE", `/api/v1/admin/users/${id}/sessions`),
  ],
];

test.each(ENDS)("a trace ends by %s", async (_, act) => {
  const admin = await makeAdmin();
  const sse = await openTrace("room=event:1", admin);
  expect((await act(admin)).status).toBeLessThan(300);
  await sse.end();
});

test("a trace of a person ends when its owner becomes an admin; that of a public room continues", async () => {
  const other = await makeAdmin("owner");
  const [ofPerson, ofRoom] = [await openTrace(`user_id=${ownerId}`, other), await openTrace("room=event:1", other)];
  expect((await change(other.id, { role: "admin" })).status).toBe(200);
  await ofPerson.end();
  expect(ofRoom.ended).toBe(false);
  ofRoom.close();
});

test("a trace ends by a ban of the address that it goes to", async () => {
  const sse = await openTrace("room=event:1", await makeAdmin());
  const { body } = await ban({ ip_range: `${OUTSIDE}/32` });
  await sse.end();
  await here.request(here.owner, "DELETE", `/api/v1/admin/bans/${body.id}`);
});

test("a wait for changes ends when its token is revoked, without what has come since", async () => {
  const { body } = await here.request<{ id: string; token: string }>(here.owner, "POST", "/api/v1/service-tokens", {
    name: "reader",
    scopes: ["changes", "broadcast"],
    rooms: ["event:*"],
  });
  const { token, id } = body;
  const from = await there.request<{ next: string }>(token, "GET", "/api/v1/changes");
  const waiting = there.request(token, "GET", `/api/v1/changes?after=${from.body.next}&wait=10`);
  expect((await here.request(here.owner, "DELETE", `/api/v1/service-tokens/${id}`)).status).toBe(204);
  expect((await waiting).status).toBe(401);
});
