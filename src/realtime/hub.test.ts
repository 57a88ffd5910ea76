import { afterAll, beforeAll, expect, test } from "bun:test";
import { CLOSE } from "../../protocol/codes.ts";
import { type HubNode, mintToken, startHubNode } from "../../tests/support/hub-node.ts";
import { stubSocket } from "../../tests/support/hub-stubs.ts";
import { openRawWebSocket } from "../../tests/support/raw-socket.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { openClient, wsFrame } from "../../tests/support/ws-client.ts";
import { ANONYMOUS } from "../platform/caller.ts";

/** Opcodes of RFC 6455, 5.2. */
const [PING, PONG] = [9, 10];

let node: HubNode;
beforeAll(async () => {
  node = await startHubNode();
});
afterAll(() => node.stop());

let rooms = 0;
const newRoom = (kind = "event") => `${kind}:${++rooms}`;
const texts = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `text ${from + i}`);
const query = async (user: string, options = {}) => ({ query: `?token=${await mintToken(user, options)}` });

test("CN-5 the first frame has the user and the node", async () => {
  const client = await openClient(node.port, await query("ann"));
  const { payload } = await client.next("system:connected");
  expect(payload).toMatchObject({ user_id: "ann", node: "1", epoch: node.epoch.current(), max_frame: 65_536 });
  expect(client.frames[0]!.type).toBe("system:connected");
  client.close();
});

test("FR-3 an entry of a type that only a newer release knows is published unchanged, and counts", async () => {
  const room = newRoom();
  const client = await openClient(node.port);
  await client.request("room:join", { room });
  await node.transaction({ actor: "newer" }, async (tx) => {
    tx.log(room, "seats:merged", { of: "a newer release" });
    tx.log(room, "message:created", { content: "known" });
  });
  const [unknown, known] = [await client.next("seats:merged"), await client.next("message:created")];
  expect(unknown).toEqual({ type: "seats:merged", room, seq: 1, payload: { of: "a newer release" } });
  expect(known.seq).toBe(2);
  const back = await openClient(node.port);
  await back.request("room:join", { room, since: 0, epoch: node.epoch.current() });
  expect((await back.next("seats:merged")).seq).toBe(1);
  for (const one of [client, back]) one.close();
});

test("FR-5 a committed entry is published to the members of its room, with room and seq", async () => {
  const room = newRoom();
  const [one, other, stranger] = await Promise.all([1, 2, 3].map(() => openClient(node.port)));
  const { payload } = await one!.request("room:join", { room });
  expect(payload).toEqual({ room, seq: 0, epoch: node.epoch.current(), recovered: false, members: 1 });
  await other!.request("room:join", { event_id: room.slice(6) });
  await node.say(room, "grüß dich", "again");
  for (const client of [one!, other!]) {
    const frame = await client.next("message:created", ({ seq }) => seq === 2);
    expect(frame).toEqual({ type: "message:created", room, seq: 2, payload: { content: "again" } });
  }
  await stranger!.request("system:ping");
  expect(stranger!.frames.map(({ type }) => type)).toEqual(["system:connected", "system:pong"]);
});

test("RC-1 a join with a position gets what was missed, after the reply, and then live frames", async () => {
  const room = newRoom();
  await node.say(room, ...texts(1, 20));
  const client = await openClient(node.port);
  const reply = await client.request("room:join", { room, since: 5, epoch: node.epoch.current() });
  expect(reply.payload).toMatchObject({ seq: 20, recovered: true });
  await node.say(room, "text 21");
  await client.next("message:created", ({ seq }) => seq === 21);
  const after = client.frames.slice(client.frames.indexOf(reply) + 1);
  expect(after.map(({ seq }) => seq)).toEqual(Array.from({ length: 16 }, (_, i) => 6 + i));
  expect(after[0]!.payload).toEqual({ content: "text 6" });
});

test("RC-2 one resume gets one reply for all rooms, refusals included", async () => {
  const epoch = node.epoch.current();
  const [mine, foreign] = [newRoom("channel"), newRoom("channel")];
  const [fresh, outdated, ahead] = [newRoom(), newRoom(), newRoom()];
  node.members.add(`bob ${mine}`);
  for (const room of [mine, foreign, fresh, outdated, ahead]) await node.say(room, ...texts(1, 3));
  await node.say("user:bob", "for bob");
  const client = await openClient(node.port, await query("bob"));
  const reply = await client.request("system:resume", {
    rooms: {
      [mine]: { seq: 1, epoch },
      [foreign]: { seq: 1, epoch },
      [fresh]: { seq: 3, epoch },
      [outdated]: { seq: 1, epoch: "another epoch" },
      [ahead]: { seq: 9, epoch },
      "user:bob": { seq: 0, epoch },
      "user:ann": { seq: 0, epoch },
      "no room!": { seq: 0, epoch },
    },
  });
  expect(reply.type).toBe("system:resumed");
  expect(reply.payload.rooms).toEqual({
    [mine]: { seq: 3, epoch, recovered: true },
    [foreign]: { seq: 0, epoch, recovered: false, code: "NOT_FOUND" },
    [fresh]: { seq: 3, epoch, recovered: true },
    [outdated]: { seq: 3, epoch, recovered: false },
    [ahead]: { seq: 3, epoch, recovered: false },
    "user:bob": { seq: 1, epoch, recovered: true },
    "user:ann": { seq: 0, epoch, recovered: false, code: "NOT_FOUND" },
    "no room!": { seq: 0, epoch, recovered: false, code: "NOT_FOUND" },
  });
  for (const room of [mine, foreign, fresh, outdated, ahead]) await node.say(room, "text 4");
  await client.next("message:created", ({ room }) => room === ahead);
  const after = client.frames.slice(client.frames.indexOf(reply) + 1).map(({ room, seq }) => `${room} ${seq}`);
  expect(after.sort()).toEqual(
    [`${mine} 2`, `${mine} 3`, `${mine} 4`, `${fresh} 4`, `${outdated} 4`, `${ahead} 4`, "user:bob 1"].sort(),
  );
});

test("RC-5 more than 1,000 missed rows are not replayed", async () => {
  const room = newRoom();
  await node.say(room, ...texts(1, 1_001));
  const client = await openClient(node.port);
  expect((await client.request("room:join", { room, since: 0 })).payload).toMatchObject({
    recovered: false,
    seq: 1_001,
  });
  expect((await client.request("room:join", { room, since: 1 })).payload).toMatchObject({
    recovered: true,
    seq: 1_001,
  });
  await client.next("message:created", ({ seq }) => seq === 1_001);
  expect(client.frames.filter(({ type }) => type === "message:created")).toHaveLength(1_000);
});

test("RC-5 while slow clients have much backlog in memory no long backlog is replayed; after they have closed, it is", async () => {
  const room = newRoom();
  for (let i = 0; i < 15; i++) await node.say(room, "x".repeat(65_000));
  /** Joins as a client that reads nothing: almost 1 MB of backlog stays in memory for it. */
  const joinStuck = async () => {
    const connection = node.hub.connect(ANONYMOUS, "192.0.2.1");
    let unsent = 0;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = stubSocket({
      send(text) {
        unsent += text.length;
        if (text.startsWith('{"type":"room:joined"')) resolve(JSON.parse(text).payload.recovered);
        return -1;
      },
      getBufferedAmount: () => unsent,
    });
    node.hub.opened(connection, socket);
    node.hub.received(connection, JSON.stringify({ type: "room:join", payload: { room, since: 0 } }));
    return { connection, recovered: await promise };
  };
  const stuck: Awaited<ReturnType<typeof joinStuck>>[] = [];
  do stuck.push(await joinStuck());
  while (stuck.at(-1)!.recovered);
  expect(stuck.length).toBeGreaterThan(60);
  for (const { connection } of stuck) node.hub.closed(connection);
  await waitUntil("their backlog is no longer in memory", async () => {
    const { connection, recovered } = await joinStuck();
    node.hub.closed(connection);
    return recovered;
  });
});

test("RC-4 a replay of 1 MB while the room is active: every frame once, in order", async () => {
  const room = newRoom();
  await node.say(room, ...texts(1, 150).map((text) => text.padEnd(6_500, "x")));
  const client = await openClient(node.port);
  const joined = client.request("room:join", { room, since: 0 });
  for (let i = 0; i < 40; i++) await node.say(room, "live");
  expect((await joined).payload).toMatchObject({ recovered: true });
  await client.next("message:created", ({ seq }) => seq === 190);
  expect(client.frames.flatMap(({ seq }) => seq ?? [])).toEqual(Array.from({ length: 190 }, (_, i) => i + 1));
});

test("OR-2 entries that were published out of order, twice, or not at all are sent once and in order", async () => {
  const room = newRoom();
  const client = await openClient(node.port);
  await client.request("room:join", { room });
  const push = node.published.push;
  const withheld: unknown[] = [];
  node.published.push = (...entries) => withheld.push(...entries);
  for (let i = 1; i <= 6; i++) await node.say(room, `text ${i}`);
  node.published.push = push;
  const entry = (seq: number) => ({
    room,
    seq,
    type: "message:created",
    payload: JSON.stringify({ content: `text ${seq}` }),
  });
  node.hub.publish([entry(2), entry(2), entry(1), entry(1), entry(6)]);
  await client.next("message:created", ({ seq }) => seq === 6);
  expect(client.frames.flatMap(({ seq }) => seq ?? [])).toEqual([1, 2, 3, 4, 5, 6]);
});

test("JN-3 a member who is expelled gets nothing more, also while joining", async () => {
  const room = newRoom("channel");
  node.members.add(`eve ${room}`);
  const client = await openClient(node.port, await query("eve"));
  await client.request("room:join", { room });
  await node.say(room, "gone: eve", "secret");
  expect((await client.next("room:left")).payload).toEqual({ room, code: "FORBIDDEN" });
  const { promise, resolve } = Promise.withResolvers<void>();
  const { asked } = node.policy;
  node.policy.gate = promise;
  const late = client.request("room:join", { room });
  await waitUntil("the rights were read", () => node.policy.asked > asked);
  node.members.delete(`eve ${room}`);
  await node.say(room, "gone: eve");
  resolve();
  expect((await late).payload).toMatchObject({ code: "NOT_FOUND" });
  await node.say(room, "secret");
  await client.request("system:ping");
  expect(client.frames.flatMap(({ seq }) => seq ?? [])).toEqual([1]);
});

test("JN-3 a person who is removed between the check of the rights and the read of the log does not get in", async () => {
  const room = newRoom("channel");
  node.members.add(`ivy ${room}`);
  await node.say(room, "one");
  const client = await openClient(node.port, await query("ivy"));
  const { promise, resolve } = Promise.withResolvers<void>();
  const { asked } = node.policy;
  node.policy.gate = promise;
  const join = client.request("room:join", { room });
  await waitUntil("the rights were read", () => node.policy.asked > asked);
  // As on another node: only the log has it.
  const { push } = node.published;
  node.published.push = () => 0;
  node.members.delete(`ivy ${room}`);
  await node.say(room, "gone: ivy");
  node.published.push = push;
  resolve();
  expect((await join).payload).toMatchObject({ code: "NOT_FOUND" });
  client.close();
});

test("JN-8 a person who was removed earlier and is a member again gets in, although the missed frames include the removal", async () => {
  const room = newRoom("channel");
  node.members.add(`zoe ${room}`);
  await node.say(room, "one", "gone: zoe", "three");
  const client = await openClient(node.port, await query("zoe"));
  expect((await client.request("room:join", { room, since: 0 })).payload).toMatchObject({ recovered: true, seq: 3 });
  await node.say(room, "gone: zoe", "five");
  expect((await client.next("room:left")).payload).toEqual({ room, code: "FORBIDDEN" });
  expect(client.frames.flatMap(({ seq }) => seq ?? [])).toEqual([1, 2, 3, 4]);
});

test("JN-8 a person whose removal waits for an earlier entry gets no typing frames meanwhile", async () => {
  const room = newRoom("channel");
  const [eve, fay] = await Promise.all(
    ["eve", "fay"].map(async (user) => {
      node.members.add(`${user} ${room}`);
      const client = await openClient(node.port, await query(user));
      await client.request("room:join", { room });
      return client;
    }),
  );
  const { push } = node.published;
  // The first is in the log alone, as if another node had committed it; after the second a member types, in the same tick.
  node.published.push = () => 0;
  await node.say(room, "one");
  node.published.push = (...entries) => {
    const count = push.apply(node.published, entries);
    node.hub.publishEphemeral(room, "typing:started", { channel_id: "1", user_id: "fay", username: "fay" });
    return count;
  };
  node.members.delete(`eve ${room}`);
  await node.say(room, "gone: eve");
  node.published.push = push;
  await fay!.next("typing:started");
  await fay!.next("message:created", ({ seq }) => seq === 2);
  expect((await eve!.next("room:left")).payload).toEqual({ room, code: "FORBIDDEN" });
  expect(eve!.frames.flatMap(({ seq }) => seq ?? [])).toEqual([1, 2]);
  expect(eve!.frames.map(({ type }) => type)).not.toContain("typing:started");
});

test("CN-7 a person's own room needs no join, and reaches all their connections", async () => {
  const [one, two] = await Promise.all([
    openClient(node.port, await query("dan")),
    openClient(node.port, await query("dan")),
  ]);
  await Promise.all([one.next("system:connected"), two.next("system:connected")]);
  await node.say("user:dan", "first", "second");
  for (const client of [one, two]) {
    expect((await client.next("message:created")).seq).toBe(1);
    expect((await client.next("message:created")).seq).toBe(2);
  }
  expect((await one.request("room:leave", { room: "user:dan" })).payload).toMatchObject({ code: "INVALID_PAYLOAD" });
});

test("CN-6 a token on the open connection signs in, renews, and never changes the person", async () => {
  const [client, other] = [await openClient(node.port), await openClient(node.port)];
  const short = await mintToken("fay", { lifeMs: 400 });
  const signedIn = await client.request("system:auth", { token: short });
  expect(signedIn.payload).toMatchObject({ user_id: "fay" });
  expect((await client.request("system:auth", { token: await mintToken("gus") })).payload).toMatchObject({
    code: "FORBIDDEN",
  });
  expect((await client.request("system:auth", { token: "nonsense" })).payload).toMatchObject({ code: "UNAUTHORIZED" });
  await other.request("system:auth", { token: short });
  await client.request("system:auth", { token: await mintToken("fay", { lifeMs: 5_000 }) });
  // The same check that closes the connection without a renewal leaves the renewed one open.
  expect(await other.end()).toBe(CLOSE.token_expired.code);
  expect((await client.request("system:ping")).type).toBe("system:pong");
  expect(await client.end()).toBe(CLOSE.token_expired.code);
  expect((await client.next("system:bye")).payload).toMatchObject({ code: 4101, reconnect: false });
});

test("CL-2 an ended session's connections get a goodbye and are closed; a person's other ones stay open", async () => {
  const [laptop, phone] = await Promise.all(
    ["laptop", "phone"].map(async (sessionId) => openClient(node.port, await query("hal", { sessionId }))),
  );
  await Promise.all([laptop!.next("system:connected"), phone!.next("system:connected")]);
  node.hub.closeSession("laptop", "signed_out");
  expect(await laptop!.end()).toBe(CLOSE.signed_out.code);
  node.hub.closeUser("hal", "signed_out", ({ sessionId }) => sessionId !== "phone");
  await phone!.request("system:ping");
  node.hub.closeUser("hal", "banned");
  expect(await phone!.end()).toBe(CLOSE.banned.code);
});

test("CN-5 CL-2 a connection whose session ends during the handshake gets a goodbye in place of a greeting", async () => {
  const caller = await node.authenticate.token(await mintToken("kay", { sessionId: "short" }));
  const connection = node.hub.connect(caller, "192.0.2.1");
  node.ended.add("short");
  const sent: { type: string; payload: object }[] = [];
  const codes: number[] = [];
  const socket = stubSocket({ send: (text) => sent.push(JSON.parse(text)), close: (code) => void codes.push(code!) });
  node.hub.opened(connection, socket);
  expect(sent.map(({ type }) => type)).toEqual(["system:bye"]);
  expect(codes).toEqual([CLOSE.signed_out.code]);
  node.hub.closed(connection);
});

test("FR-6 a frame that is not stored has neither room nor seq, and is not sent to the excluded person", async () => {
  const room = newRoom("channel");
  const people = await Promise.all(
    ["ida", "jon"].map(async (user) => {
      node.members.add(`${user} ${room}`);
      const client = await openClient(node.port, await query(user));
      await client.request("room:join", { room });
      return client;
    }),
  );
  node.hub.publishEphemeral(room, "typing:started", { channel_id: "1", user_id: "ida", username: "ida" }, "ida");
  await node.say(room, "after");
  const types = (i: number) => people[i]!.frames.slice(-2).map(({ type }) => type);
  await Promise.all(people.map((client) => client.next("message:created")));
  expect(types(0)).toEqual(["room:joined", "message:created"]);
  expect(types(1)).toEqual(["typing:started", "message:created"]);
});

test("JN-5 a join again starts the room again", async () => {
  const room = newRoom();
  await node.say(room, ...texts(1, 3));
  const client = await openClient(node.port);
  await client.request("room:join", { room });
  const again = await client.request("room:join", { room, since: 1 });
  await node.say(room, "text 4");
  await client.next("message:created", ({ seq }) => seq === 4);
  expect(client.frames.slice(client.frames.indexOf(again) + 1).map(({ seq }) => seq)).toEqual([2, 3, 4]);
});

test("JN-6 a connection has a maximum of rooms", async () => {
  const client = await openClient(node.port);
  for (let i = 0; i < 100; i++) client.send({ type: "room:join", payload: { room: `event:many-${i}` } });
  expect((await client.request("room:join", { room: "event:one-more" })).payload).toMatchObject({
    code: "TOO_MANY_ROOMS",
  });
});

test("JN-1 JN-7 a room by three spellings, and nothing of it after leaving", async () => {
  const room = newRoom();
  const client = await openClient(node.port);
  for (const payload of [{ room }, { event_id: room.slice(6) }, { room: room.slice(6) }]) {
    expect((await client.request("room:join", payload)).payload.room).toBe(room);
  }
  expect((await client.request("room:leave", { room })).payload).toEqual({ room });
  await node.say(room, "unheard");
  await client.request("system:ping");
  expect(client.frames.filter(({ type }) => type === "message:created")).toEqual([]);
});

test("RC-2 many resumes at once cost a few checks of rights, and every client gets what it missed", async () => {
  const epoch = node.epoch.current();
  const channels = Array.from({ length: 5 }, () => newRoom("channel"));
  for (const channel of channels) await node.say(channel, ...texts(1, 10));
  const people = Array.from({ length: 150 }, (_, i) => `storm-${i}`);
  const clients = await Promise.all(people.map(async (user) => openClient(node.port, await query(user))));
  for (const user of people) for (const channel of channels) node.members.add(`${user} ${channel}`);
  const { asked } = node.policy;
  const before = node.counted.get("received system:resume") ?? 0;
  // No rights are returned before all have sent their resume and new entries are committed.
  const { promise, resolve } = Promise.withResolvers<void>();
  node.policy.gate = promise;
  const rooms = Object.fromEntries(channels.map((channel, i) => [channel, { seq: i, epoch }]));
  const writes = Promise.all(channels.map((channel) => node.say(channel, "meanwhile")));
  const resumed = Promise.all(clients.map((client) => client.request("system:resume", { rooms })));
  await writes;
  await waitUntil(
    "all have sent their resume",
    () => (node.counted.get("received system:resume") ?? 0) - before >= clients.length,
  );
  resolve();
  await resumed;
  for (const client of clients) {
    for (const [i, channel] of channels.entries()) {
      await client.next("message:created", ({ room, seq }) => room === channel && seq === 11);
      const seqs = client.frames.flatMap(({ room, seq }) => (room === channel ? [seq] : []));
      expect(seqs).toEqual(Array.from({ length: 11 - i }, (_, k) => i + 1 + k));
    }
    client.close();
  }
  expect(node.policy.asked - asked).toBeLessThan(100);
});

test("HB-1 a quiet connection is pinged, and stays open by its pongs alone", async () => {
  const quick = await startHubNode({ limits: { pingInterval: 200, pongTimeout: 600 } });
  const [responsive, silent] = [await openRawWebSocket(quick.port), await openRawWebSocket(quick.port)];
  const pings = () => responsive.frames().filter(({ opcode }) => opcode === PING);
  for (let n = 1; n <= 5; n++) {
    await waitUntil(`ping ${n} came`, () => pings().length >= n);
    responsive.write(wsFrame(PONG, pings().at(-1)!.payload));
  }
  // Five pings are more than a pong timeout: the one that sent no pong has been cut, the other is open.
  await waitUntil("the silent one is cut", () => silent.ended);
  expect(responsive.ended).toBe(false);
  responsive.destroy();
  await quick.stop();
});

test("RC-3 with another epoch all are closed, and old positions are void", async () => {
  const other = await startHubNode();
  const room = newRoom();
  await other.say(room, ...texts(1, 3));
  const before = await openClient(other.port);
  const { epoch } = (await before.next("system:connected")).payload;
  await before.request("room:join", { room });
  other.hub.changeEpoch("another");
  expect(await before.end()).toBe(CLOSE.draining.code);
  const after = await openClient(other.port);
  expect((await after.next("system:connected")).payload.epoch).toBe("another");
  const resumed = await after.request("system:resume", { rooms: { [room]: { seq: 1, epoch } } });
  expect(resumed.payload.rooms).toEqual({ [room]: { seq: 3, epoch: "another", recovered: false } });
  await other.stop();
});

test("RC-3 with another epoch rooms begin where the restored log ends, and internal rooms are read again", async () => {
  const other = await startHubNode();
  let interruptions = 0;
  other.hub.watch("_identity", { entry() {}, interrupted: () => void interruptions++ });
  const room = newRoom();
  await other.say(room, ...texts(1, 3));
  const before = await openClient(other.port);
  await before.request("room:join", { room });
  // The database is replaced by a copy that lacks the last two entries.
  await other.sql`DELETE FROM log WHERE seq > 1 AND room_id = (SELECT id FROM rooms WHERE name = ${room})`;
  await other.sql`UPDATE rooms SET head = 1 WHERE name = ${room}`;
  other.hub.changeEpoch("restored");
  expect(interruptions).toBe(1);
  const after = await openClient(other.port);
  expect((await after.request("room:join", { room })).payload).toMatchObject({ seq: 1, epoch: "restored" });
  await other.say(room, "text 2 of another epoch");
  expect((await after.next("message:created")).seq).toBe(2);
  await other.stop();
});

test("RC-3 a position beyond the head is not recovered, whether this node knows the room or not, and is live from the head", async () => {
  for (const known of [true, false]) {
    const room = newRoom();
    await node.say(room, ...texts(1, 3));
    const [other, client] = [await openClient(node.port), await openClient(node.port)];
    if (known) await other.request("room:join", { room });
    const joined = await client.request("room:join", { room, since: 9 });
    expect([known, joined.payload.recovered, joined.payload.seq]).toEqual([known, false, 3]);
    await node.say(room, "4");
    expect((await client.next("message:created")).seq).toBe(4);
    other.close();
    client.close();
  }
});
