import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ServerApiApp, startServerApiApp } from "../support/server-api.ts";

setDefaultTimeout(60_000);

/** What an admin cannot do, because it would give them power over an owner or over private conversations. */
let app: ServerApiApp;
let admin: string;
let adminId: string;
let otherAdmin: string;

const OUTSIDE = "192.0.2.10";
const OWNERS = "198.51.100.20";
const from = (address: string) => ({ "x-forwarded-for": address });

beforeAll(async () => {
  app = await startServerApiApp({ TRUSTED_PROXIES: "127.0.0.1" });
  [admin, adminId] = await makeAdmin("adam");
  [otherAdmin] = await makeAdmin("alba");
});
afterAll(() => app.close());

async function makeAdmin(username: string): Promise<[token: string, id: string]> {
  const account = { username, email: `${username}@example.org`, password: "correct horse battery" };
  const made = await app.request<{ access_token: string; user: { id: string } }>(
    null,
    "POST",
    "/api/v1/auth/register",
    account,
  );
  const { id } = made.body.user;
  expect((await app.request(app.owner, "PATCH", `/api/v1/admin/users/${id}`, { role: "admin" })).status).toBe(200);
  return [made.body.access_token, id];
}

const makeToken = async (who: string, scopes: string[], rooms: string[]) =>
  app.request<{ id: string }>(who, "POST", "/api/v1/service-tokens", { name: "t", scopes, rooms });

test("only an owner makes a token that reads conversations, or that acts as people", async () => {
  for (const scope of ["changes", "history", "subscribe", "presence"]) {
    for (const rooms of [["*"], ["event:1", "channel:7"], ["channel:*"], ["user:*"], ["user:ann"]])
      expect([scope, rooms, (await makeToken(admin, [scope], rooms)).status]).toEqual([scope, rooms, 403]);
    expect((await makeToken(admin, [scope, "stats"], ["event:*", "all"])).status).toBe(201);
  }
  expect((await makeToken(admin, ["tokens:issue"], ["event:*"])).status).toBe(403);
  expect((await makeToken(admin, ["broadcast", "notify", "stats"], ["*"])).status).toBe(201);
  // The secret of such a token is in the response to its rotation, too.
  const { body } = await makeToken(app.owner, ["changes"], ["*"]);
  const rotate = (who: string) => app.request(who, "POST", `/api/v1/service-tokens/${body.id}/rotate`, {});
  expect((await rotate(admin)).status).toBe(403);
  const { body: list } = await app.request<{ data: { id: string; rotated_at: string | null }[] }>(
    app.owner,
    "GET",
    "/api/v1/service-tokens",
  );
  expect(list.data.find(({ id }) => id === body.id)?.rotated_at).toBeNull();
  expect((await rotate(app.owner)).status).toBe(200);
});

test("only an owner has messages posted to a webhook", async () => {
  const endpoint = (more: object) => ({ url: "https://nowhere.invalid/hook", event_types: ["*"], ...more });
  const make = (who: string, more: object) =>
    app.request<{ id: string }>(who, "POST", "/api/v1/webhook-endpoints", endpoint(more));
  for (const rooms of [undefined, ["channel:1"], ["c*"], ["user:*"]])
    expect([rooms, (await make(admin, { rooms })).status]).toEqual([rooms, 403]);
  const events = await make(admin, { rooms: ["event:*"] });
  expect(events.status).toBe(201);
  const change = (who: string, id: string, changes: object) =>
    app.request(who, "PATCH", `/api/v1/webhook-endpoints/${id}`, changes);
  expect((await change(admin, events.body.id, { rooms: ["channel:*"] })).status).toBe(403);
  // Nor do they turn an owner's endpoint to an address of their own, in one or in two steps.
  const { body } = await make(app.owner, { rooms: ["*"] });
  expect((await change(admin, body.id, { url: "https://elsewhere.invalid/" })).status).toBe(403);
  expect((await change(admin, body.id, { rooms: ["event:*"] })).status).toBe(403);
  expect((await change(admin, body.id, { disabled: true })).status).toBe(200);
  const audit = await app.request<{ data: { detail: object }[] }>(
    app.owner,
    "GET",
    "/api/v1/admin/audit-log?action=webhook:changed&limit=1",
  );
  expect(audit.body.data).toHaveLength(1);
  await change(app.owner, body.id, { url: "https://third.invalid/secret-path" });
  const acts = await app.request(app.owner, "GET", "/api/v1/admin/audit-log?action=webhook:changed&limit=1");
  expect(JSON.stringify(acts.body)).toContain('"host":"third.invalid"');
  expect(JSON.stringify(acts.body)).not.toContain("secret-path");
});

test("whatever uses or changes an endpoint of private rooms is an owner's, every act is written down, and stopping it is any admin's", async () => {
  const made = await app.request<{ id: string }>(app.owner, "POST", "/api/v1/webhook-endpoints", {
    url: "https://nowhere.invalid/hook",
    event_types: ["*"],
  });
  const { id } = made.body;
  const path = `/api/v1/webhook-endpoints/${id}`;
  const test = await app.request<{ delivery_id: string }>(app.owner, "POST", `${path}/test`, {});
  expect(test.status).toBe(202);
  const acts: [method: string, path: string, body: object][] = [
    ["POST", `${path}/rotate-secret`, {}],
    ["POST", `${path}/test`, {}],
    ["POST", `${path}/replay`, { since: "2026-01-01T00:00:00.000Z" }],
    ["POST", `/api/v1/webhook-deliveries/${test.body.delivery_id}/redeliver`, {}],
    ["PATCH", path, { description: "mine" }],
    ["PATCH", path, { url: "https://elsewhere.invalid/" }],
    ["PATCH", path, { ordered: true }],
    ["PATCH", path, { disabled: true, ordered: true }],
    ["PATCH", path, { disabled: false }],
  ];
  for (const [method, at, body] of acts) {
    const result = await app.request(admin, method, at, body);
    expect([method, at, body, result.status]).toEqual([method, at, body, 403]);
    expect(JSON.stringify(result.body)).not.toContain("whsec_");
  }
  const tries: [string, string, object][] = [
    ["POST", `${path}/rotate-secret`, {}],
    ["PATCH", path, { disabled: true }],
  ];
  for (const [method, at, body] of tries) expect((await app.request(app.owner, method, at, body)).status).toBe(200);
  expect((await app.request(admin, "PATCH", path, { disabled: true })).status).toBe(200);
  expect((await app.request(admin, "DELETE", path)).status).toBe(204);
  const audit = await app.request<{ data: { action: string; subject: string }[] }>(
    app.owner,
    "GET",
    "/api/v1/admin/audit-log?limit=20",
  );
  const ofIt = audit.body.data.filter(({ subject }) => JSON.stringify(subject).includes(id));
  expect(ofIt.map(({ action }) => action)).toEqual([
    "webhook:removed",
    "webhook:changed",
    "webhook:changed",
    "webhook:secret-rotated",
    "webhook:tested",
    "webhook:made",
  ]);
});

test("only an owner traces the frames of a person or a channel", async () => {
  const trace = async (who: string, target: string) => {
    const headers = { authorization: `Bearer ${who}` };
    const response = await fetch(`${app.url}/api/v1/admin/traces?seconds=1&${target}`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  for (const target of ["user_id=ann", "room=channel:1", "room=user:ann"])
    expect([target, await trace(admin, target)]).toEqual([target, 403]);
  expect(await trace(admin, "room=event:1")).toBe(200);
  expect(await trace(app.owner, "user_id=ann")).toBe(200);
});

test("an admin cannot shorten the record of what they did", async () => {
  const result = await app.request(admin, "PATCH", "/api/v1/admin/settings", { AUDIT_RETENTION: "1s" });
  expect(result.status).toBe(422);
});

test("an admin cannot ban an owner by address, and no one this machine itself", async () => {
  const login = { username: "olga", password: "the password of olga" };
  expect((await app.request(null, "POST", "/api/v1/auth/login", login, from(OWNERS))).status).toBe(200);
  const ban = async (who: string, ip_range: string) =>
    (await app.request(who, "POST", "/api/v1/admin/bans", { ip_range, reason: "x" }, from(OUTSIDE))).status;
  expect(await ban(admin, `${OWNERS}/24`)).toBe(403);
  expect(await ban(admin, "::/0")).toBe(403);
  expect(await ban(app.owner, "127.0.0.0/8")).toBe(403);
  expect(await ban(admin, "203.0.113.0/24")).toBe(201);
});

test("an admin cannot lift what an owner put on a user of the admin's own rank", async () => {
  const made = await app.request<{ id: string }>(app.owner, "POST", "/api/v1/admin/bans", {
    user_id: adminId,
    reason: "x",
  });
  expect(made.status).toBe(201);
  const lift = async (who: string) => (await app.request(who, "DELETE", `/api/v1/admin/bans/${made.body.id}`)).status;
  expect(await lift(otherAdmin)).toBe(403);
  expect(await lift(app.owner)).toBe(204);
});

test("a service sends no chat frames to all", async () => {
  const token = await app.serviceToken(["broadcast"]);
  for (const event_type of ["message:created", "channel:joined", "member:left", "typing:started"]) {
    const said = await app.request(token, "POST", "/api/v1/rooms/all/broadcasts", { event_type, payload: {} });
    expect([event_type, said.status]).toEqual([event_type, 422]);
  }
});
