import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestApp, type TestApp } from "../support/app.ts";
import { openSse, type SseClient } from "../support/sse-client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, type WsClient } from "../support/ws-client.ts";

/** An admin on one node watches what a user on another node sends and gets. */
let a: TestApp;
let b: TestApp;
let owner: string;
let ann: { id: string; token: string };
let annSocket: WsClient;
let channel: string;

beforeAll(async () => {
  a = await startTestApp({ BROKER: "postgres" });
  b = await startTestApp({ BROKER: "postgres", DATABASE_URL: a.databaseUrl });
  owner = (await register("owner")).token;
  ann = await register("ann");
  const made = await call("POST", "/channels", { type: "public", name: "talk" }, ann.token);
  channel = made.body.id;
  annSocket = await openClient(Number(new URL(b.url).port), { query: `?token=${ann.token}` });
  await annSocket.next("system:connected");
  await annSocket.request("room:join", { room: `channel:${channel}` });
});
afterAll(async () => {
  await b.close();
  await a.close();
});

async function call(method: string, path: string, body?: object, token?: string) {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`${a.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : null };
}

async function register(username: string) {
  const account = { email: `${username}@example.org`, username, password: "correct horse" };
  const { body } = await call("POST", "/auth/register", account);
  return { id: body.user.id as string, token: body.access_token as string };
}

const trace = (query: string, token = owner) =>
  openSse(`${a.url}/api/v1/admin/traces?${query}`, { authorization: `Bearer ${token}` });

async function makeAdmin(): Promise<string> {
  const { id, token } = await register(`admin-${crypto.randomUUID().slice(0, 8)}`);
  expect((await call("PATCH", `/admin/users/${id}`, { role: "admin" }, owner)).status).toBe(200);
  return token;
}

// biome-ignore lint/suspicious/noExplicitAny: lines of every shape
const readLines = (sse: SseClient): any[] => sse.events.map(({ frame }) => frame);

/** Until the other node knows of the trace. */
async function untilSeen(sse: SseClient): Promise<void> {
  await waitUntil("the other node shows its frames", async () => {
    await annSocket.request("system:ping");
    return readLines(sse).some(({ type }) => type === "system:ping" || type === "system:pong");
  });
}

test("a person's frames are shown in and out, from another node, without secrets", async () => {
  const sse = await trace(`user_id=${ann.id}&seconds=60`);
  await untilSeen(sse);
  await annSocket.request("system:auth", { token: "the-secret-of-ann" });
  const content = "x".repeat(3_000);
  await annSocket.request("message:send", { channel_id: channel, content, client_id: "1" });
  const post = await waitUntil("the post is shown", () =>
    readLines(sse).find(({ type }) => type === "message:created"),
  );
  expect(post).toMatchObject({ direction: "out", user_id: ann.id, room: `channel:${channel}`, connections: 1 });
  expect(post.connection_id).toStartWith(`${post.node}-`);
  expect(post.seq).toBeGreaterThan(0);
  expect(post.bytes).toBeGreaterThan(3_000);
  expect(post.text.length).toBe(1_000);
  const sent = readLines(sse).find(({ type }) => type === "message:send");
  expect(sent).toMatchObject({ direction: "in", connection_id: post.connection_id });
  expect(Number.isNaN(Date.parse(sent.at))).toBe(false);
  const signIn = readLines(sse).find(({ type }) => type === "system:auth");
  expect(signIn.text).toContain("[redacted]");
  expect(JSON.stringify(readLines(sse))).not.toContain("the-secret-of-ann");
  sse.close();
});

test("a room's frames are shown once for each node, with its number, and what others send elsewhere is not", async () => {
  const sse = await trace(`room=channel:${channel}&seconds=60`);
  const lines = () => readLines(sse);
  await waitUntil("the other node shows its frames", async () => {
    await call("POST", `/channels/${channel}/messages`, { content: "hi", client_id: crypto.randomUUID() }, ann.token);
    return lines().some(({ direction }) => direction === "out");
  });
  for (const line of lines()) expect(line.room === `channel:${channel}` || line.direction === "in").toBe(true);
  const [shown] = lines().filter(({ type }) => type === "message:created");
  const { body } = await call("GET", `/admin/connections?room=channel:${channel}`, undefined, owner);
  expect(shown).toMatchObject({ node: body.data[0].id.split("-")[0], connection_id: null, connections: 1 });
  expect(lines().some(({ type }) => type === "system:ping")).toBe(false);
  sse.close();
});

test("an admin's trace of a room shows no command for another room, whatever its text names", async () => {
  const admin = await makeAdmin();
  const socket = await openClient(Number(new URL(a.url).port), { query: `?token=${ann.token}` });
  const message = await call("POST", `/channels/${channel}/messages`, { content: "a", client_id: "m" }, ann.token);
  const words = ["message:send", "content", "channel_id", "payload", channel, message.body.id, "event:7", "hidden"];
  const rooms = words.flatMap((word) => ["event", "queue", "feed"].map((kind) => `${kind}:${word}`));
  const fitting = rooms.filter((room) => /^[a-z]+:[\w.:-]{1,64}$/.test(room)).concat("all");
  for (const room of fitting) {
    const sse = await trace(`room=${room}&seconds=60`, admin);
    const hidden = {
      channel_id: channel,
      message_id: message.body.id,
      room: "event:7",
      event_id: "hidden",
      content: `text about ${room}`,
    };
    for (const type of [
      "message:send",
      "message:edit",
      "message:delete",
      "read:mark",
      "typing:start",
      "typing:stop",
      "x",
      "constructor",
      "__proto__",
    ])
      socket.send({ type, payload: { ...hidden, client_id: room } });
    socket.send({
      type: "system:resume",
      id: 1,
      payload: { rooms: { [`channel:${channel}`]: { seq: 0, epoch: "1" } } },
    });
    socket.send(
      `{"type":"message:send","room":"${room}","payload":{"channel_id":"${channel}","content":"text beside"}}`,
    );
    // A command for this very room comes last, so that all before it have been looked at.
    socket.send({ type: "room:leave", payload: { room } });
    await waitUntil(`${room} is shown`, () => readLines(sse).some(({ type }) => type === "room:leave"));
    expect(readLines(sse).map(({ type }) => type)).toEqual(["room:leave"]);
    sse.close();
  }
  socket.close();
});

test("a trace of a room shows the commands that name it in any form, and of a resume only its part", async () => {
  const socket = await openClient(Number(new URL(a.url).port), { query: `?token=${ann.token}` });
  const sse = await trace("room=event:31&seconds=60", await makeAdmin());
  socket.send({ type: "room:join", payload: { event_id: "31" } });
  socket.send({ type: "room:join", payload: { room: "31" } });
  const place = { seq: 0, epoch: "1" };
  const rooms = { "event:31": place, [`channel:${channel}`]: place };
  socket.send({ type: "system:resume", payload: { rooms } });
  const inward = () => readLines(sse).filter(({ direction }) => direction === "in");
  await waitUntil("all three are shown", () => inward().length === 3);
  expect(inward().map(({ type }) => type)).toEqual(["room:join", "room:join", "system:resume"]);
  expect(JSON.parse(inward()[2].text).payload).toEqual({ rooms: { "event:31": place } });
  sse.close();
  socket.close();
});

test("it is for admins, for one target, ends without help, and is in the audit log", async () => {
  expect((await call("GET", `/admin/traces?user_id=${ann.id}`, undefined, ann.token)).status).toBe(403);
  expect((await call("GET", "/admin/traces", undefined, owner)).status).toBe(422);
  expect((await call("GET", `/admin/traces?user_id=${ann.id}&seconds=301`, undefined, owner)).status).toBe(422);
  expect((await call("GET", `/admin/traces?user_id=${ann.id}&seconds=1`, undefined, owner)).status).toBe(200);
  const { body } = await call("GET", "/admin/audit-log?action=trace:started&limit=100", undefined, owner);
  const subjects = body.data.map(({ subject }: { subject: string }) => subject);
  expect(subjects.slice(0, 1)).toEqual([`user:${ann.id}`]);
  expect(subjects.slice(-2)).toEqual([`room:channel:${channel}`, `user:${ann.id}`]);
});
