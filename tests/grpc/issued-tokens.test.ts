import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";
import { type GrpcNode, startGrpcNode, TOKEN } from "./node.ts";

setDefaultTimeout(60_000);

/** A token that a service had made for a person ends with what made it. */
let node: GrpcNode;
let owner: string;

beforeAll(async () => {
  node = await startGrpcNode();
  owner = (await register("olga")).token;
});
afterAll(() => node.close());

async function call(method: string, path: string, token?: string, body?: object) {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`${node.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as any };
}

async function register(username: string, more: object = {}) {
  const account = { username, email: `${username}@example.org`, password: "correct horse battery", ...more };
  const { body, status } = await call("POST", "/auth/register", undefined, account);
  return { id: body.user?.id as string, token: body.access_token as string, email: account.email, status };
}

async function makeService(more: object = {}) {
  const wanted = { name: "shop", scopes: ["tokens:issue"], rooms: ["user:*"], ...more };
  const { body } = await call("POST", "/service-tokens", owner, wanted);
  return { id: body.id as string, token: body.token as string };
}

const issue = async (email: string, token: string) =>
  (await node.request("auth.AuthService/GenerateToken", { email }, { token })).token as string;
const me = async (token: string) => (await call("GET", "/users/me", token)).status;
const name = () => `p-${crypto.randomUUID().slice(0, 8)}`;

/** A person with a token that a service asked for, and a socket opened by it. */
async function issued(more: object = {}) {
  const person = await register(name());
  const service = await makeService(more);
  const token = await issue(person.email, service.token);
  const socket = await openClient(node.httpPort, { query: `?token=${token}` });
  await socket.next("system:connected");
  expect(await me(token)).toBe(200);
  return { person, service, token, socket };
}

test("it ends when the service token is revoked, its sockets too", async () => {
  const { person, service, token, socket } = await issued();
  expect((await call("DELETE", `/service-tokens/${service.id}`, owner)).status).toBe(204);
  expect(await me(token)).toBe(401);
  expect(await socket.end()).toBe(4102);
  // The person's own sign-in stays.
  expect(await me(person.token)).toBe(200);
});

test("it ends when the service token gets a new secret without overlap", async () => {
  const { service, token, socket } = await issued();
  await call("POST", `/service-tokens/${service.id}/rotate`, owner, { overlap_seconds: 0 });
  expect(await me(token)).toBe(401);
  expect(await socket.end()).toBe(4102);
});

test("with an overlap it ends with the old secret, and the new secret makes another one", async () => {
  const { person, service, token } = await issued();
  const { body } = await call("POST", `/service-tokens/${service.id}/rotate`, owner, { overlap_seconds: 2 });
  const next = await issue(person.email, body.token);
  await waitUntil("the token by the old secret ends", async () => (await me(token)) === 401);
  expect(await me(next)).toBe(200);
});

test("it ends when the service token does", async () => {
  const { token, socket } = await issued({ expires_at: new Date(Date.now() + 3_000).toISOString() });
  await waitUntil("the token ends", async () => (await me(token)) === 401);
  expect(await socket.end()).toBe(4101);
});

test.each(["admin", "owner"])("it ends when the person becomes an %s", async (role) => {
  const { person, token, socket } = await issued();
  expect((await call("PATCH", `/admin/users/${person.id}`, owner, { role })).status).toBe(200);
  expect(await me(token)).toBe(401);
  expect((await call("POST", "/auth/refresh", token, {})).status).toBe(401);
  expect(await socket.end()).toBe(4102);
  expect(await me(person.token)).toBe(200);
});

test("two services of the same name have a session each, and one that is revoked ends only its own", async () => {
  const { person, service, token } = await issued();
  const other = await issue(person.email, (await makeService()).token);
  await call("DELETE", `/service-tokens/${service.id}`, owner);
  expect([await me(token), await me(other)]).toEqual([401, 200]);
});

test("what GRPC_TOKEN had made ends when a node starts with another GRPC_TOKEN", async () => {
  const person = await register(name());
  const token = await issue(person.email, TOKEN);
  expect(await me(token)).toBe(200);
  const same = await startGrpcNode({ DATABASE_URL: node.databaseUrl });
  expect(await me(token)).toBe(200);
  await same.close();
  const other = await startGrpcNode({ DATABASE_URL: node.databaseUrl, GRPC_TOKEN: "another-token-of-the-tests" });
  await waitUntil("the token ends", async () => (await me(token)) === 401);
  await other.close();
});

test("a connection token opens nothing that outlives the access token it was asked for with", async () => {
  const { token, socket } = await issued({ expires_at: new Date(Date.now() + 3_000).toISOString() });
  const { body } = await call("POST", "/auth/connection-tokens", token, {});
  const second = await openClient(node.httpPort, { query: `?token=${body.token}` });
  expect(await second.end()).toBe(4101);
  expect(await socket.end()).toBe(4101);
});

test("an invitation ends with its maker's right to invite", async () => {
  const maker = await register(name());
  await call("PATCH", `/admin/users/${maker.id}`, owner, { role: "admin" });
  const { body: invite } = await call("POST", "/registration-invites", maker.token, { max_uses: 10 });
  await call("PATCH", "/admin/settings", owner, { REGISTRATION: "invite" });
  const enter = async () => (await register(name(), { invite_code: invite.code })).status;
  expect(await enter()).toBe(201);
  await call("PATCH", `/admin/users/${maker.id}`, owner, { role: "member" });
  expect(await enter()).toBe(403);
  await call("PATCH", `/admin/users/${maker.id}`, owner, { role: "admin" });
  expect(await enter()).toBe(201);
  await call("PATCH", `/admin/users/${maker.id}`, owner, { disabled: true });
  expect(await enter()).toBe(403);
  await call("PATCH", "/admin/settings", owner, { REGISTRATION: null });
});

test.each([
  ["a role", { role: "owner" }],
  ["a disabled account", { disabled: true }],
])("a password reset link made before does not outlive %s", async (_, changes) => {
  const person = await register(name());
  expect((await call("POST", "/auth/password-reset-requests", undefined, { email: person.email })).status).toBe(202);
  const links = async () => (await call("GET", "/admin/password-reset-links", owner)).body.data;
  const link = await waitUntil("the link is made", async () =>
    (await links()).find(({ user_id }: { user_id: string }) => user_id === person.id),
  );
  expect((await call("PATCH", `/admin/users/${person.id}`, owner, changes)).status).toBe(200);
  const reset = { token: link.url.split("/reset/")[1], password: "another password of mine" };
  expect((await call("POST", "/auth/password-resets", undefined, reset)).body.code).toBe("token_expired");
});
