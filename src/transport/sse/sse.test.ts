import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { startTestApp } from "../../../tests/support/app.ts";
import { mintToken } from "../../../tests/support/hub-node.ts";
import { chooseSeed, seeded } from "../../../tests/support/seeded.ts";
import { openSse, type SseClient } from "../../../tests/support/sse-client.ts";
import { type SseNode, startSseNode } from "../../../tests/support/sse-node.ts";
import { startTcpProxy } from "../../../tests/support/tcp-proxy.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";

setDefaultTimeout(60_000);

let node: SseNode;
beforeAll(async () => {
  node = await startSseNode(200);
});
afterAll(() => node.stop());

const stream = (rooms: string, more = "") => `${node.url}/api/v1/stream?rooms=${rooms}${more}`;
const saidIn = (client: SseClient, room: string) =>
  client.events.flatMap(({ frame }) => (frame.room === room ? [frame.seq] : []));
const outcomes = async (client: SseClient) =>
  (await client.first("system:resumed")).payload.rooms as Record<
    string,
    { seq: number; recovered: boolean; code?: string }
  >;

test("SS-1 a stream needs what a WebSocket needs: a token by header or query, or a cookie of our own pages", async () => {
  const token = await mintToken("ann");
  for (const [more, headers] of [
    [`&token=${token}`, {}],
    ["", { authorization: `Bearer ${token}` }],
    ["", { cookie: `session=${token}` }],
    ["", { cookie: `session=${token}`, origin: "https://ours.example" }],
  ] as const) {
    const client = await openSse(stream("user:me", more), headers);
    expect((await client.first("system:connected")).payload.user_id).toBe("ann");
    expect(Object.keys(await outcomes(client))).toEqual(["user:ann"]);
    client.close();
  }
  const refused = (rooms: string, more = "", headers = {}) =>
    openSse(stream(rooms, more), headers).catch((e) => e.message);
  expect(await refused("event:1", "&token=wrong")).toBe("unauthenticated");
  expect(await refused("event:1", "", { cookie: `session=${token}`, origin: "https://evil.example" })).toBe(
    "wrong_origin",
  );
  expect(await refused("user:me")).toBe("unauthenticated");
  expect(await refused(Array.from({ length: 51 }, (_, n) => n).join())).toBe("invalid");
  expect(await refused("event:1", "", { accept: "application/json" })).toBe("not_acceptable");
  const head = await fetch(stream("event:1"), { method: "HEAD" });
  expect([head.status, head.headers.get("x-accel-buffering")]).toEqual([200, "no"]);
});

test("SS-2 each event is a frame as on a WebSocket; its type is the event's name where that is asked for", async () => {
  const plain = await openSse(stream("event:a,b,event:a,all"));
  const named = await openSse(stream("event:a", "&event_names=true"));
  expect(Object.keys(await outcomes(plain))).toEqual(["event:a", "event:b"]);
  await outcomes(named);
  await node.say("event:a", "line\nline");
  const frame = await plain.first("message:created");
  expect(frame).toMatchObject({ room: "event:a", seq: 1, payload: { content: "line\nline" } });
  expect(await named.first("message:created")).toEqual(frame);
  expect(plain.events.map(({ event }) => event)).toEqual(["message", "message", "message"]);
  expect(named.events.map(({ event }) => event)).toEqual(["system:connected", "system:resumed", "message:created"]);
  plain.close();
  named.close();
});

test("SS-3 by the last event's id, in the header or the query, a client gets exactly what it missed, or `recovered: false`", async () => {
  const rooms = "event:c,event:d,event:e";
  const before = await openSse(stream(rooms));
  await outcomes(before);
  await node.say("event:c", "1", "2");
  await node.say("event:e", "1");
  await waitUntil("three came", () => before.events.length === 5);
  before.close();
  await node.say("event:c", "3", "4");
  await node.say("event:d", "1");
  for (const [url, headers] of [
    [stream(rooms), { "last-event-id": before.lastId }],
    [stream(rooms, `&last_event_id=${before.lastId}`), {}],
  ] as const) {
    const client = await openSse(url, headers);
    expect(Object.values(await outcomes(client)).map(({ recovered }) => recovered)).toEqual([true, true, true]);
    await waitUntil("all came", () => client.events.length === 5);
    expect([saidIn(client, "event:c"), saidIn(client, "event:d"), saidIn(client, "event:e")]).toEqual([
      [3, 4],
      [1],
      [],
    ]);
    client.close();
  }
  const moved = before.lastId.replace(/^[^.]+/, "anotherlife");
  for (const [list, id] of [
    ["event:c,event:d", before.lastId],
    [rooms, "rubbish"],
    [rooms, moved],
  ]) {
    const client = await openSse(stream(list!), { "last-event-id": id! });
    const results = Object.values(await outcomes(client));
    expect(results.map(({ recovered }) => recovered)).toEqual(results.map(() => false));
    client.close();
  }
});

test("SS-2 SS-3 a stream of `all` alone gets `system:resumed`, and again when it comes back with an id", async () => {
  const first = await openSse(stream("all"));
  expect(await outcomes(first)).toEqual({});
  first.close();
  const again = await openSse(stream("all", "&event_names=true"), { "last-event-id": "life.list.1" });
  expect(await outcomes(again)).toEqual({});
  node.hub.publishEphemeral("all", "typing:stopped", { channel_id: "1", user_id: "2" });
  expect((await again.first("typing:stopped")).payload).toMatchObject({ user_id: "2" });
  expect(again.events.map(({ event }) => event)).toEqual(["system:connected", "system:resumed", "typing:stopped"]);
  again.close();
});

test("SS-4 a stream of some rooms says which ones it is not in; one of none is refused", async () => {
  node.members.add("bob channel:1");
  const token = `&token=${await mintToken("bob")}`;
  const client = await openSse(stream("channel:1,channel:2", token));
  const { "channel:1": mine, "channel:2": theirs } = await outcomes(client);
  expect([mine?.code, theirs?.code]).toEqual([undefined, "NOT_FOUND"]);
  await node.say("channel:1", "gone: bob");
  await client.first("room:left");
  await node.say("channel:1", "after they left");
  await node.say("user:bob", "for bob");
  await waitUntil("the last one came", () => client.events.at(-1)?.frame.room === "user:bob");
  expect(saidIn(client, "channel:1")).toEqual([1]);
  client.close();
  node.members.delete("bob channel:1");
  expect(await openSse(stream("channel:1,channel:2", token)).catch((e) => e.message)).toBe("not_found");
});

test("SS-5 a stream without news sends a heartbeat; a client that has gone is noticed", async () => {
  const before = node.hub.counts().connections;
  const client = await openSse(stream("event:1"));
  await waitUntil("two comments came", () => client.comments >= 2);
  expect(node.hub.counts().connections).toBe(before + 1);
  client.close();
  await waitUntil("the hub knows", () => node.hub.counts().connections === before);
});

test("SS-6 a client that does not read is closed, others go on, and it resumes without loss", async () => {
  const healthy = await openSse(stream("event:slow"));
  await outcomes(healthy);
  const before = node.hub.counts().connections;
  const { port } = new URL(node.url);
  const slow = connect(Number(port), "127.0.0.1");
  slow.on("error", () => {});
  slow.write("GET /api/v1/stream?rooms=event:slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  slow.pause();
  await waitUntil("it is in", () => node.hub.counts().rooms.event === 2);
  const long = "x".repeat(100_000);
  let said = 0;
  // How much the kernel buffers for a client that does not read differs; it is closed at some point.
  while (node.hub.counts().connections > before) {
    await node.say("event:slow", ...Array.from({ length: 10 }, () => long));
    said += 10;
    expect(said).toBeLessThan(2_000);
  }
  await waitUntil("all came to the other", () => saidIn(healthy, "event:slow").length === said);
  expect(saidIn(healthy, "event:slow")).toEqual(Array.from({ length: said }, (_, n) => n + 1));
  // Not only forgotten: the connection itself ends.
  slow.resume();
  await waitUntil("the slow one is cut", () => slow.closed);
  healthy.close();
});

test("SS-7 a stream ends with its session, with a reason, and is refused from then on", async () => {
  const token = await mintToken("carl", { sessionId: "s1" });
  const client = await openSse(stream("user:me", `&token=${token}`));
  await outcomes(client);
  node.ended.add("s1");
  node.hub.closeSession("s1", "signed_out");
  expect((await client.first("system:bye")).payload).toMatchObject({ code: 4102, reconnect: false });
  await client.end();
  expect(await openSse(stream("user:me", `&token=${token}`)).catch((e) => e.message)).toBe("unauthenticated");

  const short = await openSse(stream("user:me", `&token=${await mintToken("carl", { lifeMs: 500 })}`));
  expect((await short.first("system:bye")).payload).toMatchObject({ code: 4101 });
  await short.end();
});

test("SS-3 over random cuts of the network every entry comes once, in order", async () => {
  const random = seeded(chooseSeed("sse cuts"));
  const proxy = await startTcpProxy(Number(new URL(node.url).port));
  const rooms = ["event:k1", "event:k2", "event:k3"];
  const url = `http://127.0.0.1:${proxy.port}/api/v1/stream?rooms=${rooms}`;
  const total = 600;
  const seen = new Map(rooms.map((room) => [room, [] as (number | undefined)[]]));
  let sessions = 0;
  let resets = 0;

  /** As EventSource does: again and again, from the last id. */
  const follow = async () => {
    let id = "";
    while (rooms.some((room) => (seen.get(room)!.at(-1) ?? 0) < total / 3)) {
      const client = await openSse(url, id === "" ? {} : { "last-event-id": id }).catch(() => null);
      if (client === null) continue;
      sessions++;
      let read = 0;
      await waitUntil("it was cut, or all came", () => {
        for (; read < client.events.length; read++) {
          const { frame } = client.events[read]!;
          if (frame.room !== undefined) seen.get(frame.room)!.push(frame.seq);
          if (frame.type === "system:resumed" && id !== "")
            resets += Object.values(frame.payload.rooms as Record<string, { recovered: boolean }>).filter(
              (r) => !r.recovered,
            ).length;
        }
        if (client.lastId !== "") id = client.lastId;
        return client.ended || rooms.every((room) => seen.get(room)!.at(-1) === total / 3);
      });
      client.close();
    }
  };
  const following = follow();
  await waitUntil("it listens", () => node.hub.counts().rooms.event >= 3);
  const left = rooms.map(() => total / 3);
  while (left.some((n) => n > 0)) {
    const index = random.int(0, 2);
    const count = Math.min(left[index]!, random.int(1, 4));
    if (count > 0) await node.say(rooms[index]!, ...Array.from({ length: count }, () => "x"));
    left[index]! -= count;
    if (random.chance(0.08)) {
      proxy.cut();
      proxy.restore();
    }
    await Bun.sleep(5);
  }
  await following;
  await proxy.close();
  for (const room of rooms) expect(seen.get(room)).toEqual(Array.from({ length: total / 3 }, (_, n) => n + 1));
  expect(resets).toBe(0);
  expect(sessions).toBeGreaterThan(3);
});

test("SS-5 two hundred streams of one browser receive the same", async () => {
  const clients = await Promise.all(Array.from({ length: 200 }, () => openSse(stream("event:tabs,event:other"))));
  await Promise.all(clients.map(outcomes));
  await node.say("event:tabs", "1", "2", "3");
  await waitUntil("all came", () => clients.every((client) => saidIn(client, "event:tabs").length === 3));
  expect(new Set(clients.map((client) => JSON.stringify(saidIn(client, "event:tabs"))))).toEqual(new Set(["[1,2,3]"]));
  for (const client of clients) client.close();
  await waitUntil("no stream is left", () => node.hub.counts().rooms.event === 0);
});

test("SS-8 a server that stops gives each stream a reconnect time of its own, and accepts no new one", async () => {
  const leaving = await startSseNode(15_000);
  try {
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => openSse(`${leaving.url}/api/v1/stream?rooms=event:1`)),
    );
    await Promise.all(clients.map(outcomes));
    const drained = leaving.hub.drain(2_000);
    expect(await openSse(`${leaving.url}/api/v1/stream?rooms=event:1`).catch((e) => e.message)).toBe("unavailable");
    await Promise.all(clients.map((client) => client.end()));
    await drained;
    for (const client of clients) expect((await client.first("system:bye")).payload).toMatchObject({ code: 4001 });
    const times = clients.map(({ retry }) => retry);
    expect(Math.max(...times)).toBeLessThanOrEqual(2_000);
    expect(new Set(times).size).toBeGreaterThan(5);
  } finally {
    await leaving.stop();
  }
});

test("a node for sockets opens streams, and serves nothing else of the API; one for the API the other way round", async () => {
  for (const [roles, streams, rest] of [
    ["edge", 200, 404],
    ["api", 404, 200],
  ] as const) {
    const app = await startTestApp({ ROLES: roles });
    try {
      const getStatus = async (path: string) => (await fetch(app.url + path, { method: "HEAD" })).status;
      expect([roles, await getStatus("/api/v1/stream?rooms=event:1"), await getStatus("/api/v1/meta")]).toEqual([
        roles,
        streams,
        rest,
      ]);
    } finally {
      await app.close();
    }
  }
});
