import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { CLOSE } from "../../protocol/codes.ts";
import { type HubNode, mintToken, startHubNode } from "../support/hub-node.ts";
import { waitUntil } from "../support/wait-until.ts";
import { openClient, openRaw, type WsClient, wsFrame } from "../support/ws-client.ts";

/** Clients that do not read, do not reply, or do not stop; each beside a neighbour that must not be affected (SPEC ER-5). */

let node: HubNode;
/** Where silence is noticed soon. */
let strict: HubNode;
beforeAll(async () => {
  [node, strict] = await Promise.all([
    startHubNode({ limits: { pingInterval: 300 } }),
    startHubNode({ limits: { pingInterval: 300, pongTimeout: 900 } }),
  ]);
});
afterAll(() => Promise.all([node.stop(), strict.stop()]));

let rooms = 0;
const newRoom = () => `event:${++rooms}`;
const big = "x".repeat(8_000);

async function member(room: string, { port } = node): Promise<WsClient> {
  const client = await openClient(port);
  await client.request("room:join", { room });
  return client;
}

/** A member that has stopped reading. */
async function stalledMember(room: string): Promise<Socket> {
  const socket = await openRaw(node.port);
  const before = node.hub.counts().rooms.event;
  socket.write(wsFrame(1, Buffer.from(JSON.stringify({ type: "room:join", payload: { room } }))));
  await waitUntil("the join came", () => node.hub.counts().rooms.event > before);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  return socket;
}

/** All frames of a raw socket's bytes that are text, without their heads. */
function parseTexts(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes[at + 1]! & 127;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if ((bytes[at]! & 15) === 1) texts.push(bytes.subarray(at + head, at + head + length).toString());
    at += head + length;
  }
  return texts;
}

const seqs = (client: WsClient) => client.frames.flatMap(({ seq }) => seq ?? []);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test("SL-4 ER-5 a client that floods gets an error and is closed; its neighbour has every frame", async () => {
  const room = newRoom();
  const otherClient = await member(room);
  const flooder = await member(room);
  for (let i = 0; i < 5_000; i++) flooder.send({ type: "typing:start", payload: { channel_id: "1" } });
  for (let i = 0; i < 20; i++) await node.say(room, `text ${i}`);
  expect(await flooder.end()).toBe(CLOSE.flood.code);
  expect(flooder.frames.at(-1)).toMatchObject({ type: "system:bye", payload: { code: 4009, reconnect: true } });
  await otherClient.next("message:created", ({ seq }) => seq === 20);
  expect(seqs(otherClient)).toEqual(upTo(20));
});

test("SL-4 a queue of commands after a slow one is bounded", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  node.policy.gate = promise;
  node.members.add("ann channel:slow");
  const client = await openClient(node.port, { query: `?token=${await mintToken("ann")}` });
  for (let i = 0; i < 20; i++)
    client.send({ type: "room:join", payload: { room: "channel:slow", pad: "x".repeat(60_000) } });
  expect(await client.end()).toBe(CLOSE.flood.code);
  resolve();
  node.policy.gate = Promise.resolve();
});

test("SL-1 SL-3 a slow reader gets an error and is closed, and resumes without loss; its neighbour has every frame", async () => {
  const room = newRoom();
  const otherClient = await member(room);
  const slow = await stalledMember(room);
  const got: Buffer[] = [];
  let ended = false;
  slow.on("data", (data: Buffer) => got.push(data));
  slow.on("close", () => {
    ended = true;
  });
  slow.pause();
  const before = node.counted.get("closed slow") ?? 0;
  let sent = 0;
  // Until the kernel accepts no more and unsent bytes stay in the process.
  while ((node.counted.get("closed slow") ?? 0) === before) {
    await node.say(room, ...Array.from({ length: 12 }, () => big));
    sent += 12;
    expect(sent).toBeLessThan(4_000);
    await Bun.sleep(10);
  }
  slow.resume();
  await waitUntil("the slow reader's socket closed", () => ended);
  const frames = parseTexts(Buffer.concat(got)).map((text) => JSON.parse(text));
  const seen = frames.flatMap(({ seq }) => seq ?? []);
  expect(seen).toEqual(upTo(seen.length));
  expect(frames.at(-1)).toMatchObject({ type: "system:bye", payload: { code: 4008, reconnect: true } });
  await otherClient.next("message:created", ({ seq }) => seq === sent);
  expect(seqs(otherClient)).toEqual(upTo(sent));

  const again = await openClient(node.port);
  const recent = Math.max(seen.length, sent - 100);
  expect((await again.request("room:join", { room, since: recent })).payload).toMatchObject({ recovered: true });
  await waitUntil("the rest came", () => seqs(again).length === sent - recent);
  expect(seqs(again)).toEqual(upTo(sent).slice(recent));
}, 60_000);

test("SL-2 a reader that stops in a burst of several MB loses its connection, never a frame in the middle", async () => {
  const room = newRoom();
  const slow = await stalledMember(room);
  const got: Buffer[] = [];
  let ended = false;
  slow.on("data", (data: Buffer) => got.push(data));
  slow.on("close", () => {
    ended = true;
  });
  slow.pause();
  await node.say(room, ...Array.from({ length: 2_000 }, () => big));
  slow.resume();
  await waitUntil("the socket was cut", () => ended);
  const seen = parseTexts(Buffer.concat(got)).flatMap((text) => {
    const seq = /"seq":(\d+),"payload"/.exec(text)?.[1];
    return seq === undefined ? [] : [Number(seq)];
  });
  expect(seen).toEqual(upTo(seen.length));
  expect(seen.length).toBeLessThan(2_000);
}, 60_000);

test("RC-4 a reader that reads a long replay slowly gets all of it, and the live frames after it", async () => {
  const room = newRoom();
  await node.say(room, ...Array.from({ length: 120 }, () => big));
  const socket = await openRaw(node.port);
  const got: Buffer[] = [];
  socket.on("data", (data: Buffer) => {
    got.push(data);
    socket.pause();
    setTimeout(() => socket.resume(), 2);
  });
  socket.write(wsFrame(1, Buffer.from(JSON.stringify({ type: "room:join", payload: { room, since: 0 } }))));
  for (let i = 0; i < 30; i++) await node.say(room, "live");
  const pong = wsFrame(10, new Uint8Array(0));
  const seen = () =>
    parseTexts(Buffer.concat(got))
      .flatMap((text) => /"seq":(\d+),"payload"/.exec(text)?.[1] ?? [])
      .map(Number);
  await waitUntil("the last frame came", () => socket.write(pong) && seen().at(-1) === 150);
  expect(seen()).toEqual(upTo(150));
  socket.destroy();
}, 30_000);

test("HB-2 a half-open client is reaped although the server continues to send to it; one that responds stays", async () => {
  const room = newRoom();
  const otherClient = await member(room, strict);
  const { connections } = strict.hub.counts();
  const dead = await openRaw(strict.port);
  dead.write(wsFrame(1, Buffer.from(JSON.stringify({ type: "room:join", payload: { room } }))));
  let ended = false;
  dead.on("data", () => {});
  dead.on("close", () => {
    ended = true;
  });
  await waitUntil("it is connected", () => strict.hub.counts().connections === connections + 1);
  let sent = 0;
  while (!ended) {
    await strict.say(room, `text ${++sent}`);
    await Bun.sleep(50);
  }
  expect(strict.hub.counts().connections).toBe(connections);
  await otherClient.next("message:created", ({ seq }) => seq === sent);
  expect(seqs(otherClient)).toEqual(upTo(sent));
});

test("a thousand connections that come and go leave no resources in use", async () => {
  const { connections, rooms: joins } = node.hub.counts();
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all(Array.from({ length: 100 }, (_, i) => member(`event:churn-${i % 7}`)));
    for (const client of clients) client.close();
  }
  await waitUntil("all are gone", () => node.hub.counts().connections === connections);
  expect(node.hub.counts().rooms.event).toBe(joins.event);
}, 30_000);

test("DR-1 a server that stops notifies all, closes them in waves, and accepts no new ones", async () => {
  const stopping = await startHubNode();
  const clients = await Promise.all(Array.from({ length: 30 }, () => openClient(stopping.port)));
  const drained = stopping.hub.drain(500);
  await Promise.all(
    clients.map(async (client) => {
      expect((await client.next("system:bye")).payload).toMatchObject({ code: 4001, reconnect: true, after: [0, 500] });
    }),
  );
  expect(clients.filter(({ closed }) => closed === null).length).toBeGreaterThan(0);
  const headers = { Connection: "Upgrade", Upgrade: "websocket" };
  expect((await fetch(`http://127.0.0.1:${stopping.port}/ws`, { headers })).status).toBe(503);
  await drained;
  for (const client of clients) expect(await client.end()).toBe(CLOSE.draining.code);
  await stopping.stop();
});
