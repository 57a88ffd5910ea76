import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import { type Client, createClient } from "./client.ts";
import { systemEnvironment } from "./environment.ts";
import type { RoomFrame } from "./follower.ts";
import type { PresenceChange, RoomPresence } from "./presence.ts";
import { createRest, getPosition, type SignedIn } from "./rest.ts";

/** As `openssl rand -base64 32` makes it. */
const SERVICE_TOKEN = "dGhlIHRva2VuIG9m/2Egc2Vydmlj+SBvZiB0aGlzIQ==";

let app: TestApp;
let ann: SignedIn;
let bob: SignedIn;
const clients: Client[] = [];

beforeAll(async () => {
  app = await startTestApp({ GRPC_TOKEN: SERVICE_TOKEN });
  ann = await register("ann");
  bob = await register("bob");
}, 60_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await app.close();
});

function register(username: string): Promise<SignedIn> {
  const body = { email: `${username}@example.org`, username, password: `the password of ${username}` };
  return createRest({ url: app.url }).auth.register(body);
}

/** A connected client, the types of the frames it received, and the function that cuts its connection without a close frame. */
async function connect({ access_token, user }: SignedIn) {
  let socket: WebSocket | null = null;
  const types: string[] = [];
  const openSocket = (url: string, protocols: string[]) => {
    socket = new WebSocket(url, protocols);
    socket.addEventListener("message", ({ data }) => types.push(JSON.parse(String(data)).type));
    return socket as never;
  };
  const environment = { ...systemEnvironment(), openSocket };
  const client = createClient({ url: app.url, token: access_token, userId: user.id, environment });
  clients.push(client);
  client.connect();
  await waitUntil("the client is live", () => client.state === "live");
  return { client, types, cut: () => (socket as unknown as { terminate(): void }).terminate() };
}

/** A new channel of Ann's with Bob in it, and its position. */
async function newChannel(annsRest: Client["rest"], bobsRest: Client["rest"], name: string) {
  const channel = await annsRest.channels.create({ type: "public", name });
  await bobsRest.members.add(channel.id);
  return {
    id: channel.id,
    room: `channel:${channel.id}`,
    position: getPosition(await bobsRest.messages.list(channel.id)),
  };
}

test("RC-1 one of two people loses the connection, misses nothing and sees nothing twice", async () => {
  const [annSide, bobSide] = [await connect(ann), await connect(bob)];
  const { id, room, position } = await newChannel(annSide.client.rest, bobSide.client.rest, "talk");
  const seen: RoomFrame[] = [];
  bobSide.client.follow(room, position, { frame: (frame) => seen.push(frame) });
  const sent: string[] = [];
  annSide.client.on("sent", ({ message }) => sent.push(message.message_id!));
  for (const content of ["one", "two"]) annSide.client.outbox.add({ channel_id: id, content });
  await waitUntil("bob saw two", () => seen.length === 2);

  bobSide.cut();
  annSide.client.outbox.add({ channel_id: id, content: "three" });
  await waitUntil("three is sent", () => sent.length === 3);
  await annSide.client.command("message:edit", { message_id: sent[0]!, content: "one, edited" });
  await annSide.client.command("message:delete", { message_id: sent[1]! });
  await waitUntil("bob saw all", () => seen.length === 5);
  expect(seen.map(({ type }) => type)).toEqual([
    "message:created",
    "message:created",
    "message:created",
    "message:updated",
    "message:deleted",
  ]);
  expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5].map((n) => n + position.seq));
});

test("messages written without a connection arrive once, in order", async () => {
  const { client, cut } = await connect(ann);
  const { id } = await client.rest.channels.create({ type: "public", name: "offline" });
  cut();
  for (let n = 0; n < 10; n++) client.outbox.add({ channel_id: id, content: `message ${n}` });
  await waitUntil("all are sent", () => client.outbox.items.length === 0);
  const { data } = await client.rest.messages.list(id);
  expect(data.map(({ content }) => content)).toEqual(Array.from({ length: 10 }, (_, n) => `message ${n}`));
});

test("JN-3 a removed member receives room:left, and nothing more", async () => {
  const [annSide, bobSide] = [await connect(ann), await connect(bob)];
  const { id, room, position } = await newChannel(annSide.client.rest, bobSide.client.rest, "removal");
  const seen: string[] = [];
  let left: string | null | undefined;
  bobSide.client.follow(room, position, {
    frame: ({ type }) => seen.push(type),
    left: (code) => {
      left = code;
    },
  });
  await annSide.client.rest.members.remove(id, bob.user.id);
  await waitUntil("bob is out", () => left !== undefined);
  expect(left).toBe("forbidden");
  annSide.client.outbox.add({ channel_id: id, content: "among us" });
  await waitUntil("it is sent", () => annSide.client.outbox.items.length === 0);
  expect(seen.filter((type) => type.startsWith("message:"))).toEqual([]);
  expect(bobSide.client.rest.messages.list(id)).rejects.toMatchObject({ code: "forbidden" });
});

test("CL-2 logging out refuses the socket of that session", async () => {
  const session = await createRest({ url: app.url }).auth.login({ username: "bob", password: "the password of bob" });
  const { client } = await connect(session);
  await client.rest.auth.logout();
  await waitUntil("the socket is refused", () => client.state === "refused");
  expect(client.refusal?.code).toBe(4102);
});

test("CN-2 an invalid token is a refusal, not an endless retry", async () => {
  const client = createClient({ url: app.url, token: "not.a.token" });
  clients.push(client);
  client.connect();
  await waitUntil("the client is refused", () => client.state === "refused");
});

test("a REST call that fails throws the code, the status and the fields of the problem", async () => {
  const { rest } = (await connect(ann)).client;
  const direct = await rest.channels.create({ type: "direct", member_ids: [bob.user.id] });
  expect(rest.channels.update(direct.id, { name: "x" })).rejects.toMatchObject({
    code: "direct_immutable",
    status: 409,
  });
  expect(rest.messages.send(direct.id, { content: "" })).rejects.toMatchObject({
    code: "invalid",
    errors: [{ pointer: "/content" }],
  });
});

/** What a program on Node sees of its client with this token: its state once it is live or refused, and its user. */
async function onNode(token: string): Promise<{ state: string; userId: string | null; reason: string | null }> {
  const folder = mkdtempSync(join(tmpdir(), "usher-sdk-"));
  try {
    const entrypoints = [join(import.meta.dirname, "client.ts")];
    await Bun.build({ entrypoints, target: "node", outdir: folder, naming: "client.mjs" });
    const program = `
      import { createClient } from ${JSON.stringify(join(folder, "client.mjs"))};
      import { WebSocket } from "ws";
      const client = createClient({ url: ${JSON.stringify(app.url)}, token: process.env.TOKEN, WebSocket });
      client.on("state", (state) => {
        if (state !== "live" && state !== "refused") return;
        console.log(JSON.stringify({ state, userId: client.userId, reason: client.refusal?.reason ?? null }));
        client.close();
      });
      client.connect();`;
    const node = Bun.spawn(["node", "--input-type=module", "--eval", program], {
      cwd: join(import.meta.dirname, ".."),
      env: { PATH: process.env.PATH, TOKEN: token },
      stdout: "pipe",
      stderr: "inherit",
    });
    const [line = ""] = (await new Response(node.stdout).text()).split("\n");
    expect(await node.exited).toBe(0);
    return JSON.parse(line);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("it runs on Node, with a WebSocket that is passed in and a token as it comes from a file", async () => {
  expect(await onNode(`${ann.access_token}\n`)).toEqual({ state: "live", userId: ann.user.id, reason: null });
});

test("CN-1 CN-9 a token that cannot be a subprotocol goes in the address; an unknown one is a refusal, not the end of the program", async () => {
  expect(await onNode(`${SERVICE_TOKEN}\n`)).toEqual({ state: "live", userId: null, reason: null });
  expect(await onNode(`/${SERVICE_TOKEN}`)).toEqual({ state: "refused", userId: null, reason: "Sign in first." });
});

test("PR-1 PR-2 PR-6 presence of a channel reaches those who request it, as a list and as changes; a short loss of the connection changes nothing", async () => {
  const [annSide, bobSide] = [await connect(ann), await connect(bob)];
  const { room } = await newChannel(annSide.client.rest, bobSide.client.rest, "presence");
  let current: RoomPresence | null = null;
  const changes: PresenceChange[] = [];
  const presence = (now: RoomPresence, change: PresenceChange | null) => {
    current = now;
    if (change) changes.push(change);
  };
  const names = () => current?.members?.map(({ username }) => username).sort();
  annSide.client.follow(room, null, { frame: () => {}, presence });
  await waitUntil("ann sees herself", () => Bun.deepEquals(names(), ["ann"]));
  const stop = bobSide.client.follow(room, null, { frame: () => {} });
  await waitUntil("ann sees bob", () => Bun.deepEquals(names(), ["ann", "bob"]));
  const member = ({ user }: SignedIn) => ({ user_id: user.id, username: user.username });
  const listed = await bobSide.client.rest.rooms.presence(room);
  expect(listed.count).toBe(2);
  expect(listed.members).toEqual(expect.arrayContaining([member(ann), member(bob)]));

  bobSide.cut();
  await waitUntil("bob's connection is lost", () => bobSide.client.state !== "live");
  await waitUntil("bob is back", () => bobSide.client.state === "live");
  stop();
  await waitUntil("ann sees bob go", () => Bun.deepEquals(names(), ["ann"]));
  expect(changes).toEqual([
    { joined: [member(bob)], left: [] },
    { joined: [], left: [member(bob)] },
  ]);

  const stopBob = bobSide.client.follow(room, null, { frame: () => {} });
  const close = bobSide.client.follow(room, null, { frame: () => {}, presence: () => {} });
  await waitUntil("bob receives presence", () => bobSide.types.includes("room:presence"));
  close();
  await bobSide.client.command("system:ping", {});
  bobSide.types.length = 0;
  const cy = await register("cy");
  const cySide = await connect(cy);
  await cySide.client.rest.members.add(room.slice("channel:".length));
  cySide.client.follow(room, null, { frame: () => {} });
  await waitUntil("ann sees cy", () => names()?.includes("cy"));
  await bobSide.client.command("system:ping", {});
  expect(bobSide.types).not.toContain("room:member_joined");
  stopBob();

  const stranger = (await register("eve")).access_token;
  const eve = createRest({ url: app.url, getToken: async () => stranger });
  expect(eve.rooms.presence(room)).rejects.toMatchObject({ status: 403 });
  expect(eve.rooms.presence("event:1")).rejects.toMatchObject({ status: 404 });
  expect(createRest({ url: app.url }).rooms.presence(room)).rejects.toMatchObject({ status: 401 });
}, 30_000);
