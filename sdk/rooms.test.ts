import { expect, test } from "bun:test";
import type { Position } from "../protocol/objects.ts";
import type { RoomHandlers } from "./follower.ts";
import { EPOCH, flushPromises, start } from "./test-environment.ts";

const ROOM = "channel:1";
const at = (seq: number, epoch = EPOCH): Position => ({ seq, epoch });

/** Collects what a listener receives. */
function listener(reset?: RoomHandlers["reset"]) {
  const seen: number[] = [];
  const left: (string | null)[] = [];
  const handlers: RoomHandlers = {
    frame: ({ seq }) => seen.push(seq),
    left: (code) => left.push(code),
    ...(reset && { reset }),
  };
  return { seen, left, handlers };
}

/** A connected client that follows the room after `position`; the room is requested, without a reply yet. */
async function following(position: Position | null, reset?: RoomHandlers["reset"]) {
  const { client, environment } = await start();
  const { seen, left, handlers } = listener(reset);
  client.follow(ROOM, position, handlers);
  await flushPromises();
  return { client, environment, seen, left };
}

test("JN-4 the stream continues from a page's position without a gap", async () => {
  const { client, environment } = await start({}, false);
  const { seen, handlers } = listener();
  client.follow(ROOM, at(5), handlers);
  client.connect();
  await flushPromises();
  environment.socket.greet();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(5) } });
  expect(client.state).toBe("resuming");
  environment.socket.resumed({ [ROOM]: { ...at(7), recovered: true } });
  expect(client.state).toBe("live");
  for (const seq of [6, 7, 8]) environment.socket.entry(ROOM, seq);
  expect(seen).toEqual([6, 7, 8]);
});

test("without a position a listener receives what is new from the join on", async () => {
  const { environment, seen } = await following(null);
  environment.socket.joined(41);
  environment.socket.entry(ROOM, 41);
  environment.socket.entry(ROOM, 42);
  expect(seen).toEqual([42]);
});

test("JN-5 what was seen is skipped; frames before the reply are ignored", async () => {
  const { environment, seen } = await following(at(5));
  environment.socket.entry(ROOM, 6);
  expect(seen).toEqual([]);
  environment.socket.resumed();
  for (const seq of [4, 5, 6, 6, 7, 6]) environment.socket.entry(ROOM, seq);
  expect(seen).toEqual([6, 7]);
});

test("FR-1 FR-3 a key or a type that the client does not know breaks nothing, and its seq counts", async () => {
  const { environment, seen } = await following(at(5));
  environment.socket.resumed();
  environment.socket.receive({ type: "later:invented", room: ROOM, seq: 6, payload: { any: 1 }, trace: "x" });
  environment.socket.receive({ type: "later:invented", payload: {} });
  environment.socket.entry(ROOM, 7);
  expect(seen).toEqual([6, 7]);
  expect(environment.socket.count("system:resume")).toBe(1);
});

test("FR-7 a frame with an ack_id is acknowledged after it was delivered, with or without a listener for it", async () => {
  const { environment } = await following(null);
  environment.socket.joined(41);
  environment.socket.receive({ type: "message:created", room: ROOM, seq: 42, payload: { ack_id: "a1" } });
  environment.socket.receive({ type: "something:new", payload: { ack_id: "a2" } });
  environment.socket.receive({ type: "something:new", payload: { ack_id: 3 } });
  environment.socket.receive({ type: "something:new" });
  const acks = environment.socket.sent.filter(({ type }) => type === "system:ack");
  expect(acks.map(({ payload }) => payload)).toEqual([{ ack_id: "a1" }, { ack_id: "a2" }]);
});

test("after a gap it resumes from the last frame before it, and what came meanwhile is not delivered twice", async () => {
  const { environment, seen } = await following(at(5));
  environment.socket.resumed();
  environment.socket.entry(ROOM, 6);
  environment.socket.entry(ROOM, 8);
  environment.socket.entry(ROOM, 9);
  await flushPromises();
  expect(environment.socket.count("system:resume")).toBe(2);
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(6) } });
  environment.socket.entry(ROOM, 10);
  environment.socket.resumed();
  for (const seq of [7, 8, 9, 10, 11]) environment.socket.entry(ROOM, seq);
  expect(seen).toEqual([6, 7, 8, 9, 10, 11]);
});

test("after a lost connection all rooms are resumed in one frame, with their own positions", async () => {
  const { client, environment } = await start();
  client.follow(ROOM, at(5), listener().handlers);
  client.follow("user:7", at(2), listener().handlers);
  await flushPromises();
  environment.socket.resumed();
  environment.socket.entry(ROOM, 6);
  environment.socket.cut();
  await environment.advance(500);
  environment.socket.greet();
  expect(environment.socket.sent).toHaveLength(1);
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(6), "user:7": at(2) } });
});

test("RC-2 many rooms are resumed in several frames, each below 64 KiB", async () => {
  const { client, environment } = await start();
  for (let n = 0; n < 1_000; n++)
    client.follow(`channel:${"9".repeat(15)}${1_000 + n}`, at(2 ** 50), listener().handlers);
  await flushPromises();
  const frames = environment.socket.sent.filter(({ type }) => type === "system:resume");
  expect(frames).toHaveLength(3);
  for (const frame of frames) expect(JSON.stringify(frame).length).toBeLessThan(65_536);
});

test("RC-1 recovered:false loads the snapshot again; frames meanwhile follow it, without those it had", async () => {
  const { client, environment } = await start();
  let loaded: (position: Position) => void = () => {};
  const { seen, handlers } = listener(() => new Promise((resolve) => (loaded = resolve)));
  client.follow(ROOM, at(5), handlers);
  await flushPromises();
  environment.socket.resumed({ [ROOM]: { ...at(2_000), recovered: false } });
  for (const seq of [2_001, 2_002, 2_003]) environment.socket.entry(ROOM, seq);
  expect(seen).toEqual([]);
  loaded(at(2_002));
  await flushPromises();
  environment.socket.entry(ROOM, 2_004);
  expect(seen).toEqual([2_003, 2_004]);
});

test("after a snapshot that is older than the stream the missing entries are requested", async () => {
  const { environment, seen } = await following(at(5), async () => at(1_999));
  environment.socket.resumed({ [ROOM]: { ...at(2_000), recovered: false } });
  await flushPromises();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(1_999) } });
  environment.socket.resumed();
  environment.socket.entry(ROOM, 2_000);
  expect(seen).toEqual([2_000]);
});

test("a connection lost during a reset loses no entries", async () => {
  const { client, environment } = await start();
  let loaded: (position: Position) => void = () => {};
  const { seen, handlers } = listener(() => new Promise((resolve) => (loaded = resolve)));
  client.follow(ROOM, at(5), handlers);
  await flushPromises();
  environment.socket.resumed({ [ROOM]: { ...at(2_000), recovered: false } });
  environment.socket.cut();
  await environment.advance(500);
  environment.socket.greet();
  environment.socket.joined(2_010);
  loaded(at(2_000));
  await flushPromises();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(2_000) } });
  environment.socket.resumed();
  environment.socket.entry(ROOM, 2_001);
  expect(seen).toEqual([2_001]);
});

test("a reset that fails is tried again", async () => {
  const { client, environment } = await start();
  let tries = 0;
  const { seen, handlers } = listener(async () => {
    tries += 1;
    if (tries < 3) throw new Error("no network");
    return at(10);
  });
  client.follow(ROOM, at(5), handlers);
  await flushPromises();
  environment.socket.resumed({ [ROOM]: { ...at(10), recovered: false } });
  environment.socket.entry(ROOM, 11);
  await environment.advance(20_000);
  expect(tries).toBe(3);
  expect(seen).toEqual([11]);
});

test("RC-3 another epoch is a reset, even where the seqs fit", async () => {
  const { client, environment } = await start();
  let resets = 0;
  const { seen, handlers } = listener(async () => {
    resets += 1;
    return at(3, "e2");
  });
  client.follow(ROOM, at(5), handlers);
  await flushPromises();
  environment.socket.resumed({ [ROOM]: { ...at(3, "e2"), recovered: false } });
  await flushPromises();
  environment.socket.entry(ROOM, 4);
  expect(resets).toBe(1);
  expect(seen).toEqual([4]);
});

test("a second listener with an older position receives what it misses, the first one nothing twice", async () => {
  const { client, environment } = await start();
  const first = listener();
  const second = listener();
  client.follow(ROOM, at(5), first.handlers);
  await flushPromises();
  environment.socket.resumed();
  environment.socket.entry(ROOM, 6);
  client.follow(ROOM, at(4), second.handlers);
  await flushPromises();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(4) } });
  environment.socket.resumed();
  for (const seq of [5, 6, 7]) environment.socket.entry(ROOM, seq);
  expect(first.seen).toEqual([6, 7]);
  expect(second.seen).toEqual([5, 6, 7]);
});

test("a listener whose page is newer than the stream waits for what comes after", async () => {
  const { client, environment } = await start();
  const first = listener();
  const second = listener();
  client.follow(ROOM, at(5), first.handlers);
  await flushPromises();
  environment.socket.resumed();
  client.follow(ROOM, at(8), second.handlers);
  await flushPromises();
  for (const seq of [6, 7, 8, 9]) environment.socket.entry(ROOM, seq);
  expect(first.seen).toEqual([6, 7, 8, 9]);
  expect(second.seen).toEqual([9]);
  expect(environment.socket.count("system:resume")).toBe(1);
});

test("the room is left after its last listener; a change of pages in one turn does not leave it", async () => {
  const { client, environment } = await start();
  const end = client.follow(ROOM, at(5), listener().handlers);
  await flushPromises();
  environment.socket.resumed();
  end();
  const endAgain = client.follow(ROOM, at(5), listener().handlers);
  await flushPromises();
  expect(environment.socket.count("room:leave")).toBe(0);
  endAgain();
  await flushPromises();
  expect(environment.socket.last("room:leave").payload).toEqual({ room: ROOM });
});

test("a room that the person has no access to is not requested again", async () => {
  const { client, environment } = await start();
  const { seen, left, handlers } = listener();
  client.follow(ROOM, at(5), handlers);
  client.follow("channel:2", at(1), handlers);
  await flushPromises();
  environment.socket.resumed({ "channel:2": { ...at(0), recovered: false, code: "NOT_FOUND" } });
  environment.socket.receive({ type: "room:left", payload: { room: ROOM, code: "FORBIDDEN" } });
  environment.socket.entry(ROOM, 6);
  environment.socket.cut();
  await environment.advance(500);
  environment.socket.greet();
  expect(left).toEqual(["not_found", "forbidden"]);
  expect(seen).toEqual([]);
  expect(environment.socket.sent).toEqual([]);
  expect(client.state).toBe("live");
});

test("RC-7 a room refused with a retryable error is requested again later", async () => {
  const { client, environment } = await start();
  client.follow(ROOM, at(5), listener().handlers);
  await flushPromises();
  const { id } = environment.socket.last("system:resume");
  environment.socket.receive({ type: "system:error", id, payload: { code: "RATE_LIMITED", message: "", retry: true } });
  await environment.advance(2_000);
  expect(environment.socket.count("system:resume")).toBe(2);
});

test("a room that the server removes for a temporary error is requested again from its position", async () => {
  const { environment, left } = await following(at(5));
  environment.socket.resumed();
  environment.socket.receive({ type: "room:left", payload: { room: ROOM, code: "UNAVAILABLE" } });
  await environment.advance(2_000);
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(5) } });
  expect(environment.socket.count("system:resume")).toBe(2);
  expect(left).toEqual([]);
});

test("RC-6 a room that the server restarts by itself is reset", async () => {
  const { environment, seen } = await following(at(5), async () => at(2_000));
  environment.socket.resumed();
  environment.socket.receive({
    type: "room:joined",
    payload: { room: ROOM, ...at(2_000), recovered: false, members: 1 },
  });
  await flushPromises();
  environment.socket.entry(ROOM, 2_001);
  expect(seen).toEqual([2_001]);
});

test("PR-1 a listener that wants presence receives it, and a room is requested again when only the second one wants it", async () => {
  const { client, environment } = await following(at(5));
  environment.socket.resumed();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(5) } });
  const received: unknown[] = [];
  const presence: RoomHandlers["presence"] = (now, change) => received.push([now, change]);
  client.follow(ROOM, null, { frame: () => {}, presence });
  await flushPromises();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: { ...at(5), presence: true } } });
  const [ann, bob] = ["ann", "bob"].map((user_id) => ({ user_id, username: user_id }));
  const receive = (type: string, payload: object) =>
    environment.socket.receive({ type, payload: { room: ROOM, ...payload } });
  receive("room:presence", { count: 9, members: [] }); // of the join before
  environment.socket.resumed();
  receive("room:presence", { count: 1, members: [ann] });
  receive("room:member_joined", { count: 2, members: [bob] });
  receive("room:member_left", { count: 1, members: [ann] });
  expect(received).toEqual([
    [{ count: 1, members: [ann] }, null],
    [
      { count: 2, members: [ann, bob] },
      { joined: [bob], left: [] },
    ],
    [
      { count: 1, members: [bob] },
      { joined: [], left: [ann] },
    ],
  ]);
  client.follow(ROOM, null, { frame: () => {}, presence });
  await flushPromises();
  expect(received.at(-1)).toEqual([{ count: 1, members: [bob] }, null]);
  receive("room:presence", { count: 300 });
  expect(received.at(-1)).toEqual([{ count: 300, members: null }, null]);
  expect(environment.socket.count("system:resume")).toBe(2);

  environment.socket.cut();
  await environment.advance(500);
  environment.socket.greet();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: { ...at(5), presence: true } } });
});

test("PR-1 after the last listener that wanted presence, the room is requested without it", async () => {
  const { client, environment, seen } = await following(at(5));
  environment.socket.resumed();
  const received: unknown[] = [];
  const follow = () => client.follow(ROOM, null, { frame: () => {}, presence: (now) => received.push(now) });
  const [close, closeOther] = [follow(), follow()];
  await flushPromises();
  environment.socket.resumed();
  const receive = (count: number) =>
    environment.socket.receive({ type: "room:presence", payload: { room: ROOM, count, members: [] } });
  receive(1);
  close();
  await flushPromises();
  closeOther();
  const closeThird = follow();
  await flushPromises();
  expect(environment.socket.count("system:resume")).toBe(2);
  closeThird();
  await flushPromises();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: at(5) } });
  environment.socket.resumed();
  environment.socket.entry(ROOM, 6);
  expect(seen).toEqual([6]);

  const before = received.length;
  follow();
  await flushPromises();
  expect(environment.socket.last("system:resume").payload).toEqual({ rooms: { [ROOM]: { ...at(6), presence: true } } });
  environment.socket.resumed();
  await flushPromises();
  expect(received.length).toBe(before); // not the state from before, when no listener wanted it
  receive(2);
  expect(received.length).toBe(before + 1);
});
