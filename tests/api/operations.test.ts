import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { type ApiDocument, documentedClient, mismatches, readDocument } from "./documented.ts";

interface SignedIn {
  user: { id: string; role: string };
  access_token: string;
  refresh_token: string;
}
interface Thing {
  id: string;
}

let app: TestApp;
let document: ApiDocument;
let client: ReturnType<typeof documentedClient>;

beforeAll(async () => {
  app = await startTestApp({ WEBHOOKS_ALLOW_PRIVATE: "true" });
  document = await readDocument(app.url);
  client = documentedClient(app.url, document);
}, 60_000);
afterAll(() => app.close());

const PASSWORD = "correct horse battery staple";

function register(name: string): Promise<SignedIn> {
  const body = { username: name, email: `${name}@example.org`, password: PASSWORD };
  return client.call<SignedIn>("post /api/v1/auth/register", 201, { body });
}

test("every operation responds as the document says", async () => {
  const { call } = client;
  await call("get /health", 200);
  await call("get /ready", 200);
  await call("get /.well-known/jwks.json", 200);
  expect(await call<object>("get /api/v1/meta", 200)).toMatchObject({ set_up: false });

  const owner = await register("olga");
  expect(owner.user.role).toBe("owner");
  const ann = await register("ann");
  const bob = await register("bob");
  expect(await call<object>("get /api/v1/meta", 200)).toMatchObject({ set_up: true });
  await call("get /api/v1/stream", 200, { query: { rooms: "event:1", event_names: "true" } });
  await call("get /api/v1/stream", 401, { query: { rooms: "user:me" } });
  await call("get /api/v1/stream", 406, { query: { rooms: "event:1" }, headers: { accept: "application/json" } });
  const asOwner = { token: owner.access_token };
  const asAnn = { token: ann.access_token };
  const asBob = { token: bob.access_token };

  // People
  await call("get /api/v1/users/me", 200, asAnn);
  await call("patch /api/v1/users/me", 200, { ...asAnn, body: { name: "Ann A." } });
  await call("patch /api/v1/users/me", 409, { ...asAnn, body: { username: "bob" } });
  await call("get /api/v1/users", 200, { ...asAnn, query: { q: "bo" } });
  await call("get /api/v1/users/{user_id}", 200, { ...asAnn, params: { user_id: bob.user.id } });
  await call("get /api/v1/users/{user_id}", 404, { ...asAnn, params: { user_id: "unknown" } });

  // Channels and members
  const channel = await call<Thing>("post /api/v1/channels", 201, {
    ...asAnn,
    body: { type: "public", name: "General" },
  });
  const params = { channel_id: channel.id };
  const direct = { type: "direct", member_ids: [bob.user.id] };
  await call("post /api/v1/channels", 201, { ...asAnn, body: direct });
  await call("post /api/v1/channels", 200, { ...asAnn, body: direct });
  await call("get /api/v1/channels", 200, asAnn);
  await call("get /api/v1/channels", 200, { ...asBob, query: { scope: "public", limit: "1" } });
  await call("get /api/v1/channels/{channel_id}", 200, { ...asAnn, params });
  await call("patch /api/v1/channels/{channel_id}", 200, { ...asAnn, params, body: { topic: "Anything" } });
  await call("patch /api/v1/channels/{channel_id}", 403, { ...asOwner, params, body: { topic: "Mine" } }).catch(
    async () => {
      // A person who is no member may get "no such channel" instead.
      await call("patch /api/v1/channels/{channel_id}", 404, { ...asOwner, params, body: { topic: "Mine" } });
    },
  );
  const member = { channel_id: channel.id, user_id: bob.user.id };
  await call("put /api/v1/channels/{channel_id}/members/{user_id}", 201, { ...asAnn, params: member, body: {} });
  await call("put /api/v1/channels/{channel_id}/members/{user_id}", 204, { ...asAnn, params: member, body: {} });
  await call("get /api/v1/channels/{channel_id}/members", 200, { ...asBob, params });
  await call("patch /api/v1/channels/{channel_id}/members/{user_id}", 200, {
    ...asAnn,
    params: member,
    body: { role: "admin" },
  });
  await call("delete /api/v1/channels/{channel_id}/members/{user_id}", 409, {
    ...asAnn,
    params: { channel_id: channel.id, user_id: "me" },
  });

  // Messages
  const send = { params, body: { content: "hello", client_id: "c1" } };
  const message = await call<Thing>("post /api/v1/channels/{channel_id}/messages", 201, { ...asAnn, ...send });
  await call("post /api/v1/channels/{channel_id}/messages", 200, { ...asAnn, ...send });
  await call("post /api/v1/channels/{channel_id}/messages", 422, { ...asAnn, params, body: { content: " " } });
  const at = { message_id: message.id };
  const reply = { content: "hi", client_id: "c2", reply_to_id: message.id };
  await call("post /api/v1/channels/{channel_id}/messages", 201, { ...asBob, params, body: reply });
  await call("get /api/v1/channels/{channel_id}/messages", 200, { ...asBob, params });
  await call("get /api/v1/channels/{channel_id}/messages", 200, { ...asBob, params, query: { around: message.id } });
  await call("get /api/v1/messages/{message_id}", 200, { ...asBob, params: at });
  await call("get /api/v1/messages/{message_id}/replies", 200, { ...asBob, params: at });
  await call("patch /api/v1/messages/{message_id}", 200, { ...asAnn, params: at, body: { content: "hello!" } });
  await call("patch /api/v1/messages/{message_id}", 403, { ...asBob, params: at, body: { content: "mine" } });
  await call("post /api/v1/channels/{channel_id}/typing", 204, { ...asBob, params });
  await call("get /api/v1/unread-counts", 200, asBob);
  await call("get /api/v1/rooms/{room}/presence", 200, { ...asBob, params: { room: `channel:${channel.id}` } });
  await call("get /api/v1/rooms/{room}/presence", 404, { ...asOwner, params: { room: "event:1" } });
  await call("put /api/v1/channels/{channel_id}/read-mark", 200, { ...asBob, params, body: at });
  await call("delete /api/v1/messages/{message_id}", 204, { ...asAnn, params: at });
  await call("delete /api/v1/channels/{channel_id}/members/{user_id}", 204, { ...asAnn, params: member });
  await call("get /api/v1/channels/{channel_id}/messages", 404, { ...asBob, params }).catch(async () => {
    await call("get /api/v1/channels/{channel_id}/messages", 403, { ...asBob, params });
  });
  await call("delete /api/v1/channels/{channel_id}", 204, { ...asAnn, params });

  // Invitations and bans
  const invite = await call<Thing>("post /api/v1/registration-invites", 201, { ...asOwner, body: {} });
  await call("get /api/v1/registration-invites", 200, asOwner);
  await call("delete /api/v1/registration-invites/{invite_id}", 204, { ...asOwner, params: { invite_id: invite.id } });
  const ban = await call<Thing>("post /api/v1/admin/bans", 201, {
    ...asOwner,
    body: { user_id: bob.user.id, reason: "Noise" },
  });
  await call("post /api/v1/auth/login", 403, { body: { username: "bob", password: PASSWORD } });
  const range = { ip_range: "198.51.100.0/24", reason: "Flood" };
  await call("post /api/v1/admin/bans", 201, { ...asOwner, body: range });
  await call("post /api/v1/admin/bans", 422, { ...asOwner, body: { ...range, ip_range: "198.51.100.0/33" } });
  await call("get /api/v1/admin/bans", 200, asOwner);
  await call("get /api/v1/admin/bans", 403, asAnn);
  await call("delete /api/v1/admin/bans/{ban_id}", 204, { ...asOwner, params: { ban_id: ban.id } });
  const phones = { params: { user_id: bob.user.id } };
  await call("delete /api/v1/admin/users/{user_id}/sessions", 403, { ...asAnn, ...phones });
  await call("delete /api/v1/admin/users/{user_id}/sessions", 204, { ...asOwner, ...phones });
  await call("get /api/v1/admin/users", 200, { ...asOwner, query: { q: "bob@", status: "active" } });
  await call("get /api/v1/admin/users", 422, { ...asOwner, query: { q: "b" } });
  await call("get /api/v1/admin/users", 403, asAnn);
  const account = { params: { user_id: bob.user.id } };
  await call("patch /api/v1/admin/users/{user_id}", 200, { ...asOwner, ...account, body: { disabled: true } });
  await call("patch /api/v1/admin/users/{user_id}", 200, { ...asOwner, ...account, body: { disabled: false } });
  await call("patch /api/v1/admin/users/{user_id}", 403, { ...asAnn, ...account, body: { role: "admin" } });
  const alone = { params: { user_id: owner.user.id }, body: { role: "member" } };
  await call("patch /api/v1/admin/users/{user_id}", 409, { ...asOwner, ...alone });

  // Nodes and connections
  await call("get /api/v1/admin/nodes", 200, asOwner);
  await call("get /api/v1/admin/connections", 200, { ...asOwner, query: { node: "7" } });
  await call("get /api/v1/admin/connections", 403, asAnn);
  await call("get /api/v1/admin/rooms", 200, asOwner);
  await call("get /api/v1/admin/room-names", 200, { ...asOwner, query: { rooms: "channel:1,user:1,event:1" } });
  await call("get /api/v1/admin/room-names", 422, { ...asOwner, query: { rooms: "no room" } });
  await call("get /api/v1/admin/traces", 200, { ...asOwner, query: { room: "event:1", seconds: "1" } });
  await call("get /api/v1/admin/traces", 403, asAnn);
  const away = { connection_id: "1023-1" };
  await call("delete /api/v1/admin/connections/{connection_id}", 404, { ...asOwner, params: away });
  const own = {
    node_id: (await call<{ data: { id: string }[] }>("get /api/v1/admin/nodes", 200, asOwner)).data[0]!.id,
  };
  const closed = { connection_id: `${own.node_id}-999999` };
  await call("delete /api/v1/admin/connections/{connection_id}", 204, { ...asOwner, params: closed });

  // Settings and what admins did
  const settings = { body: { LOG_RETENTION: "49h" } };
  await call("get /api/v1/admin/settings", 200, asOwner);
  await call("patch /api/v1/admin/settings", 200, { ...asOwner, ...settings });
  await call("patch /api/v1/admin/settings", 422, { ...asOwner, body: { LOG_RETENTION: "49" } });
  await call("patch /api/v1/admin/settings", 403, { ...asAnn, ...settings });
  await call("get /api/v1/admin/audit-log", 200, { ...asOwner, query: { action: "setting:changed" } });

  // Webhooks
  const receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("thanks") });
  const hook = await call<Thing>("post /api/v1/webhook-endpoints", 201, {
    ...asOwner,
    body: { url: `http://127.0.0.1:${receiver.port}/hooks`, event_types: ["message:*"] },
  });
  const asHook = { ...asOwner, params: { endpoint_id: hook.id } };
  await call("get /api/v1/webhook-endpoints", 200, asOwner);
  await call("get /api/v1/webhook-endpoints", 403, asAnn);
  await call("get /api/v1/webhook-parked-entries", 200, asOwner);
  await call("get /api/v1/webhook-endpoints/{endpoint_id}", 200, asHook);
  await call("post /api/v1/webhook-endpoints/{endpoint_id}/rotate-secret", 200, { ...asHook, body: {} });
  const sent = await call<{ delivery_id: string }>("post /api/v1/webhook-endpoints/{endpoint_id}/test", 202, {
    ...asHook,
    body: {},
  });
  const ofDelivery = { ...asOwner, params: sent };
  await waitUntil("it is delivered", async () => {
    const found = await call<{ status: string }>("get /api/v1/webhook-deliveries/{delivery_id}", 200, ofDelivery);
    return found.status === "delivered";
  });
  await call("get /api/v1/webhook-endpoints/{endpoint_id}/deliveries", 200, { ...asHook, query: { limit: "1" } });
  await call("post /api/v1/webhook-deliveries/{delivery_id}/redeliver", 202, ofDelivery);
  await call("post /api/v1/webhook-endpoints/{endpoint_id}/replay", 202, {
    ...asHook,
    body: { since: "2026-01-01T00:00:00.000Z" },
  });
  await call("patch /api/v1/webhook-endpoints/{endpoint_id}", 200, { ...asHook, body: { disabled: true } });
  await call("post /api/v1/webhook-endpoints/{endpoint_id}/test", 409, { ...asHook, body: {} });
  await call("delete /api/v1/webhook-endpoints/{endpoint_id}", 204, asHook);
  await call("get /api/v1/webhook-endpoints/{endpoint_id}", 404, asHook);
  await receiver.stop(true);

  // What other teams' back ends may do
  const scopes = ["broadcast", "notify", "stats", "changes", "history", "presence"];
  const wanted = { name: "bookings", scopes, rooms: ["*"] };
  const service = await call<Thing & { token: string }>("post /api/v1/service-tokens", 201, {
    ...asOwner,
    body: wanted,
  });
  await call("post /api/v1/service-tokens", 403, { ...asAnn, body: wanted });
  await call("get /api/v1/service-tokens", 200, asOwner);
  const asService = { token: service.token };
  const booking = { event_type: "booking:confirmed", payload: { booking_id: "b-1" } };
  const toAnn = { params: { user_id: ann.user.id } };
  await call("post /api/v1/users/{user_id}/notices", 200, { ...asService, ...toAnn, body: booking });
  await call("post /api/v1/users/{user_id}/notices", 422, {
    ...asService,
    ...toAnn,
    body: { ...booking, payload: { booking_id: 1 } },
  });
  await call("post /api/v1/users/{user_id}/notices", 403, { ...asOwner, ...toAnn, body: booking });
  const event = { room: "event:1" };
  await call("post /api/v1/rooms/{room}/broadcasts", 200, {
    ...asService,
    params: event,
    body: { event_type: "ticket:released", payload: { event_id: "1" } },
  });
  await call("get /api/v1/rooms/{room}/history", 200, { ...asService, params: event });
  await call("get /api/v1/rooms/{room}/history", 200, { ...asAnn, params: { room: `user:${ann.user.id}` } });
  await call("get /api/v1/rooms/{room}/history", 404, { ...asAnn, params: { room: `user:${bob.user.id}` } });
  await call("get /api/v1/connections/stats", 200, asService);
  await call("get /api/v1/connections/stats", 200, { ...asService, query: event });
  await call("get /api/v1/changes", 200, { ...asService, query: { after: "0", types: "booking:*", limit: "5" } });
  const ofToken = { params: { token_id: service.id } };
  await call("post /api/v1/service-tokens/{token_id}/rotate", 200, { ...asOwner, ...ofToken, body: {} });
  await call("delete /api/v1/service-tokens/{token_id}", 204, { ...asOwner, ...ofToken });
  await call("get /api/v1/connections/stats", 401, asService);

  // Signing in and out
  await call("post /api/v1/auth/login", 401, { body: { username: "ann", password: "wrong password" } });
  const phone = await call<SignedIn>("post /api/v1/auth/login", 200, { body: { username: "ann", password: PASSWORD } });
  const next = await call<SignedIn>("post /api/v1/auth/refresh", 200, { body: { refresh_token: phone.refresh_token } });
  await call("post /api/v1/auth/refresh", 401, { body: { refresh_token: "no such token" } });
  await call("post /api/v1/auth/connection-tokens", 201, { ...asAnn, body: {} });
  const sessions = await call<(Thing & { current: boolean })[]>("get /api/v1/auth/sessions", 200, asAnn);
  const other = sessions.find(({ current }) => !current);
  await call("delete /api/v1/auth/sessions/{session_id}", 204, { ...asAnn, params: { session_id: other?.id ?? "" } });
  await call("get /api/v1/users/me", 401, { token: next.access_token });
  await call("delete /api/v1/auth/sessions", 204, asAnn);
  const change = { current_password: PASSWORD, new_password: `${PASSWORD} 2` };
  await call("put /api/v1/users/me/password", 204, { ...asAnn, body: change });
  await call("post /api/v1/auth/password-reset-requests", 202, { body: { email: "ann@example.org" } });
  const link = await waitUntil("the reset link is made", async () => {
    const { data } = await call<{ data: { url: string }[] }>("get /api/v1/admin/password-reset-links", 200, asOwner);
    return data[0]?.url;
  });
  // The token is the last part of the link.
  const token = link.split("/").at(-1);
  await call("post /api/v1/auth/password-resets", 204, { body: { token, password: `${PASSWORD} 3` } });
  await call("post /api/v1/auth/password-resets", 410, { body: { token, password: `${PASSWORD} 4` } });
  const drain = "post /api/v1/admin/nodes/{node_id}/drain";
  await call(drain, 404, { ...asOwner, params: { node_id: "1023" }, body: {} });
  await call(drain, 202, { ...asOwner, params: own, body: { seconds: 1 } });
  await call("post /api/v1/auth/logout", 204, asOwner);
  await call("get /api/v1/users/me", 401, asOwner);

  expect(client.untried()).toEqual([]);
}, 60_000);

test("every pattern of the document is one of JSON Schema, and fits what it should", () => {
  const patterns = [...JSON.stringify(document.operations).matchAll(/"pattern":("(?:[^"\\\\]|\\\\.)*")/g)].map(
    ([, text = ""]) => JSON.parse(text) as string,
  );
  expect(patterns.filter((pattern) => /\$\/[a-z]+$/.test(pattern))).toEqual([]);
  const username = patterns.filter((pattern) => new RegExp(pattern, "u").test("Zoë.1"));
  expect(username.length).toBeGreaterThan(0);
});

test("the check itself sees an undocumented status, field, type and body", () => {
  const operation = document.operations.find(({ path }) => path === "/api/v1/meta");
  if (operation === undefined) throw new Error("no such operation");
  const meta = {
    name: "Usher",
    version: "1",
    features: [],
    registration: "open",
    limits: { message: 1, body: 1, frame: 1 },
    time: "2026-01-01T00:00:00.000Z",
    set_up: true,
    setup_code_needed: false,
  };
  const check = (body: unknown, status = 200, type = "application/json") => {
    const text = JSON.stringify(body);
    return mismatches(document, operation, new Response(text, { status, headers: { "content-type": type } }), text);
  };
  expect(check(meta)).toEqual([]);
  expect(check(meta, 418)[0]).toContain("status 418");
  expect(check(meta, 200, "text/html")[0]).toContain("content type");
  expect(check({ ...meta, secret: 1 })[0]).toContain("secret");
  expect(check({ ...meta, set_up: "yes" })[0]).toContain("/set_up");
  expect(check({ ...meta, limits: { message: 1, body: 1 } })[0]).toContain("/limits/frame");
});
