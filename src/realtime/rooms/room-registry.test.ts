import { expect, test } from "bun:test";
import { stubSocket } from "../../../tests/support/hub-stubs.ts";
import type { UserCaller } from "../../platform/caller.ts";
import { Connection } from "../connections/connection.ts";
import { PendingJoin } from "../recovery/pending-join.ts";
import { RoomRegistry } from "./room-registry.ts";

const entry = (room: string, seq: number) => ({ room, seq, type: "t", payload: "{}" });

/** Rooms, what they published, and open connections whose subscriptions are recorded. */
function world() {
  const published: string[] = [];
  const rooms = new RoomRegistry({
    onFrame: (room, _type, frame) => void published.push(`${room.name} ${JSON.parse(frame).seq}`),
    onPublished: () => {},
    onGap: () => {},
  });
  let ids = 0;
  function connect(userId: string) {
    const caller: UserCaller = {
      kind: "user",
      userId,
      username: userId,
      role: "member",
      sessionId: null,
      expiresAt: null,
    };
    const connection = new Connection(++ids, caller, 0, 100);
    const topics = new Set<string>();
    const socket = stubSocket({
      subscribe: (topic) => void topics.add(topic),
      unsubscribe: (topic) => void topics.delete(topic),
    });
    connection.socket = socket;
    rooms.userConnections.add(userId, connection);
    return { connection, topics };
  }
  return { rooms, published, connect };
}

test("entries of empty rooms cost nothing", () => {
  const { rooms, published } = world();
  rooms.ingest([entry("channel:1", 1), entry("user:ann", 1)]);
  expect([published, [...rooms.all()]]).toEqual([[], []]);
});

test("an entry is needed as long as it is to be published or moves a position, and no longer", () => {
  const { rooms, connect } = world();
  const needs = (name: string) => [1, 2, 3].filter((seq) => rooms.needs(name, seq));
  const { connection } = connect("ann");
  expect([needs("channel:1"), needs("user:ann"), needs("user:bob")]).toEqual([[], [1, 2, 3], []]);
  const room = rooms.open("channel:1");
  const pendingJoin = new PendingJoin(connection, room, null);
  expect(needs("channel:1")).toEqual([1, 2, 3]);
  room.setHead(1, 1);
  pendingJoin.end();
  rooms.join(connection, room);
  rooms.ingest([entry("channel:1", 3)]);
  expect(needs("channel:1")).toEqual([2, 3]);
  // A connection that comes back before the room is deleted continues from its position.
  rooms.leave(connection, room);
  expect(needs("channel:1")).toEqual([2, 3]);
  rooms.ingest([entry("channel:1", 2)]);
  expect([room.next, needs("channel:1")]).toEqual([4, []]);
});

test("a person's own room is created with its first entry, and keeps its position while they are connected", () => {
  const { rooms, published, connect } = world();
  const { connection } = connect("ann");
  rooms.ingest([entry("user:ann", 4)]);
  rooms.get("user:ann")!.acceptBuffered();
  rooms.ingest([entry("user:ann", 5)]);
  for (let sweeps = 0; sweeps < 3; sweeps++) rooms.evictIdle();
  // A broker that was frozen brings old entries, and the newest out of order.
  rooms.ingest([entry("user:ann", 4), entry("user:ann", 7)]);
  rooms.get("user:ann")!.acceptBuffered();
  expect(published).toEqual(["user:ann 4", "user:ann 5"]);
  rooms.ingest([entry("user:ann", 6)]);
  expect(published).toEqual(["user:ann 4", "user:ann 5", "user:ann 6", "user:ann 7"]);
  rooms.userConnections.remove("ann", connection);
  for (let sweeps = 0; sweeps < 2; sweeps++) rooms.evictIdle();
  expect(rooms.get("user:ann")).toBeUndefined();
});

test("a room is not deleted while it is being read", () => {
  const { rooms } = world();
  const room = rooms.open("channel:1");
  room.setHead(4, 4);
  rooms.ingest([entry("channel:1", 7)]);
  for (let sweeps = 0; sweeps < 3; sweeps++) rooms.evictIdle();
  expect(rooms.get("channel:1")).toBe(room);
});

test("a member is counted and subscribed while in a room, once for several joins", () => {
  const { rooms, connect } = world();
  const [ann, bob] = [connect("ann"), connect("bob")];
  const room = rooms.open("channel:1");
  for (const { connection } of [ann, ann, bob]) rooms.join(connection, room);
  expect([room.members, rooms.memberCounts.channel, ann.topics.has(room.name)]).toEqual([2, 2, true]);
  rooms.leave(ann.connection, room);
  rooms.leave(ann.connection, room);
  rooms.leaveAll(bob.connection);
  expect([room.members, rooms.memberCounts.channel, ann.topics.size, bob.connection.rooms.length]).toEqual([
    0, 0, 0, 0,
  ]);
});

test("an empty room keeps its position for a while, so that a client that comes back reads nothing", () => {
  const { rooms, connect } = world();
  const { connection } = connect("ann");
  const room = rooms.open("channel:1");
  room.setHead(4, 4);
  rooms.join(connection, room);
  rooms.ingest([entry("channel:1", 5)]);
  rooms.leave(connection, room);
  rooms.evictIdle();
  expect(rooms.get("channel:1")?.framesAfter(4)).toHaveLength(1);
  rooms.evictIdle();
  expect(rooms.get("channel:1")).toBeUndefined();
});

test("an idle room drops its frames and keeps its position", () => {
  const { rooms, published, connect } = world();
  const room = rooms.open("channel:1");
  room.setHead(0, 0);
  rooms.join(connect("ann").connection, room);
  rooms.ingest([entry("channel:1", 1)]);
  rooms.evictIdle();
  rooms.evictIdle();
  expect([rooms.get("channel:1"), room.framesAfter(0), room.framesAfter(1)]).toEqual([room, null, []]);
  rooms.ingest([entry("channel:1", 2)]);
  expect(published).toEqual(["channel:1 1", "channel:1 2"]);
});

test("a room that no one has joined is deleted at once, but not while a join is pending", () => {
  const { rooms, connect } = world();
  const { connection } = connect("ann");
  const pendingJoin = new PendingJoin(connection, rooms.open("channel:1"), 0);
  rooms.evictIdle();
  rooms.evictIdle();
  expect(rooms.get("channel:1")).toBe(pendingJoin.room);
  pendingJoin.end();
  rooms.evictIfEmpty(pendingJoin.room);
  expect(rooms.get("channel:1")).toBeUndefined();
});
