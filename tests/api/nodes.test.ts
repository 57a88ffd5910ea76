import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient } from "../support/ws-client.ts";

/** What an admin on one node sees of all, and has another one do. */
let here: TestApp;
let there: TestApp;
let token: string;
const port = (app: TestApp) => Number(new URL(app.url).port);

beforeAll(async () => {
  here = await startTestApp({ BROKER: "postgres" });
  there = await startTestApp({ BROKER: "postgres", DATABASE_URL: here.databaseUrl });
  token = await register("owner");
}, 60_000);
afterAll(async () => {
  await there.close();
  await here.close();
});

async function register(username: string): Promise<string> {
  const account = { username, email: `${username}@example.org`, password: "correct horse" };
  const result = await request("POST", "/auth/register", account, "");
  return result.body.access_token;
}

async function request(method: string, path: string, body?: unknown, as = token) {
  const response = await fetch(`${here.url}/api/v1${path}`, {
    method,
    headers: { "content-type": "application/json", authorization: `Bearer ${as}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as any };
}

async function openIn(app: TestApp, room: string, query = "") {
  const client = await openClient(port(app), { query });
  const connected = await client.next("system:connected");
  await client.request("room:join", { room });
  return { client, id: String(connected.payload.connection_id) };
}

const both = () =>
  waitUntil("both nodes are known", async () => {
    const { body } = await request("GET", "/admin/nodes");
    return body.data.length === 2 ? body.data : null;
  });

test("nodes, connections and rooms of the whole cluster are listed", async () => {
  expect((await both())[0]).toMatchObject({ draining: false, broker: "ok", roles: ["all"] });
  const one = await openIn(here, "event:5", `?token=${token}`);
  const two = await openIn(there, "event:5");
  const list = await waitUntil("both connections are listed", async () => {
    const { body } = await request("GET", "/admin/connections?room=event:5");
    return body.data.length === 2 ? body : null;
  });
  expect(list).toMatchObject({ next: null, partial: false });
  expect(list.data.map(({ username }: { username: string }) => username).sort()).toEqual(["owner", null].sort());
  const first = (await request("GET", "/admin/connections?room=event:5&limit=1")).body;
  const second = (await request("GET", `/admin/connections?room=event:5&limit=1&after=${first.next}`)).body;
  expect([...first.data, ...second.data]).toEqual(list.data);
  const rooms = (await request("GET", "/admin/rooms")).body;
  expect(rooms.data).toContainEqual({ room: "event:5", connections: 2, head_seq: null });
  one.client.close();
  two.client.close();
});

test("CL-4 a connection that an admin closes, on whichever node, gets 4011 and may come back", async () => {
  const { client } = await openIn(there, "event:6");
  const id = await waitUntil(
    "it is listed",
    async () => (await request("GET", "/admin/connections?room=event:6")).body.data[0]?.id,
  );
  expect((await request("DELETE", `/admin/connections/${id}`)).status).toBe(204);
  expect(await client.end()).toBe(4011);
  expect((await request("DELETE", `/admin/connections/${id}`)).status).toBe(204);
  expect((await request("DELETE", "/admin/connections/1023-1")).status).toBe(404);
  const { body } = await request("GET", "/admin/audit-log?action=connection:closed");
  expect(body.data.at(-1)).toMatchObject({ subject: `connection:${id}`, actor_name: "owner" });
});

test("only admins see and do this", async () => {
  const other = await register("other");
  for (const path of ["/admin/nodes", "/admin/connections", "/admin/rooms"])
    expect((await request("GET", path, undefined, other)).status).toBe(403);
  expect((await request("DELETE", "/admin/connections/0-1", undefined, other)).status).toBe(403);
  expect((await request("POST", "/admin/nodes/0/drain", {}, other)).status).toBe(403);
});

test("a node that is drained closes its connections and is not ready; the other one continues", async () => {
  const stays = await openIn(here, "event:7");
  const goes = await openIn(there, "event:7");
  const nodes = await both();
  const target = await waitUntil("it is known which node it is", async () => {
    const { body } = await request("GET", "/admin/connections?room=event:7");
    return body.data.length === 2 ? body.data : null;
  });
  const own = await openIn(there, "event:8");
  const { body } = await request("GET", "/admin/connections?room=event:8");
  const [id] = body.data[0].id.split("-");
  expect([nodes.length, target.length]).toEqual([2, 2]);
  expect((await request("POST", `/admin/nodes/${id}/drain`, { seconds: 1 })).status).toBe(202);
  expect([await goes.client.end(), await own.client.end()]).toEqual([4001, 4001]);
  expect((await fetch(`${there.url}/ready`)).status).toBe(503);
  expect((await fetch(`${here.url}/ready`)).status).toBe(200);
  expect(openClient(port(there))).rejects.toThrow();
  await waitUntil("it is listed so, with its lag", async () =>
    (await request("GET", "/admin/nodes")).body.data.some(
      (node: { id: string; draining: boolean; lag_ms: number }) => node.id === id && node.draining && node.lag_ms > 0,
    ),
  );
  expect(stays.client.closed).toBeNull();
  stays.client.close();
  expect((await request("POST", "/admin/nodes/1023/drain", {})).status).toBe(404);
});
