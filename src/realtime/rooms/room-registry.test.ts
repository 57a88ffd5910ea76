import { expect, test } from "bun:test";
import { stubSocket } from "../../../tests/support/hub-stubs.ts";
import type { UserCaller } from "../../platform/caller.ts";
import { Connection } from "../connections/connection.ts";
import { PendingJoin } from "../recovery/pending-join.ts";
import { RoomRegistry } from "./room-registry.ts";

const entry = (room: string, seq: number) => ({ room, seq, type: "t", payload: "{}" });

/** Rooms, what they showed, and open connections whose subscriptions are written down. */
function world() {
  const shown: string[] = [];
  const rooms = new RoomRegistry({
    onFrame: (room, _type, frame) => void shown.push(`${room.name} ${JSON.parse(frame).seq}`),
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
  return { rooms, shown, connect };
}

test("entries of rooms that nobody is in cost nothing", () => {
  const { rooms, shown } = world();
  rooms.ingest([entry("channel:1", 1), entry("user:ann", 1)]);
  expect([shown, [...rooms.all()]]).toEqual([[], []]);
});

test("an entry is needed as long as it is to be shown or moves a place on, and no longer", () => {
  const { rooms, connect } = world();
  const needs = (name: string) => [1, 2, 3].filter((seq) => rooms.needs(name, seq));
  const { connection } = connect("ann");
  expect([needs("channel:1"), needs("user:ann"), needs("user:bob")]).toEqual([[], [1, 2, 3], []]);
  const room = rooms.open("channel:1");
  const entering = new PendingJoin(connection, room, null);
  expect(needs("channel:1")).toEqual([1, 2, 3]);
  room.setHead(1, 1);
  entering.end();
  rooms.join(connection, room);
  rooms.ingest([entry("channel:1", 3)]);
  expect(needs("channel:1")).toEqual([2, 3]);
  // Whoever comes back before the room is forgotten goes on from its place.
  rooms.leave(connection, room);
  expect(needs("channel:1")).toEqual([2, 3]);
  rooms.ingest([entry("channel:1", 2)]);
  expect([room.next, needs("channel:1")]).toEqual([4, []]);
});

test("a person's own room is made when something is said in it, and keeps its place for as long as he is here", () => {
  const { rooms, shown, connect } = world();
  const { connection } = connect("ann");
  rooms.ingest([entry("user:ann", 4)]);
  rooms.get("user:ann")!.acceptBuffered();
  rooms.ingest([entry("user:ann", 5)]);
  for (let sweeps = 0; sweeps < 3; sweeps++) rooms.evictIdle();
  // A broker that was frozen brings old ones, and the newest out of turn.
  rooms.ingest([entry("user:ann", 4), entry("user:ann", 7)]);
  rooms.get("user:ann")!.acceptBuffered();
  expect(shown).toEqual(["user:ann 4", "user:ann 5"]);
  rooms.ingest([entry("user:ann", 6)]);
  expect(shown).toEqual(["user:ann 4", "user:ann 5", "user:ann 6", "user:ann 7"]);
  rooms.userConnections.remove("ann", connection);
  for (let sweeps = 0; sweeps < 2; sweeps++) rooms.evictIdle();
  expect(rooms.get("user:ann")).toBeUndefined();
});

test("a room is not forgotten while something of it is being read", () => {
  const { rooms } = world();
  const room = rooms.open("channel:1");
  room.setHead(4, 4);
  rooms.ingest([entry("channel:1", 7)]);
  for (let sweeps = 0; sweeps < 3; sweeps++) rooms.evictIdle();
  expect(rooms.get("channel:1")).toBe(room);
});

test("a room is counted and subscribed while somebody is in it, once however often he enters", () => {
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

test("an empty room keeps its place for a while, so that whoever comes back reads nothing", () => {
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

test("a room whose members are quiet lets go of its frames and keeps its place", () => {
  const { rooms, shown, connect } = world();
  const room = rooms.open("channel:1");
  room.setHead(0, 0);
  rooms.join(connect("ann").connection, room);
  rooms.ingest([entry("channel:1", 1)]);
  rooms.evictIdle();
  rooms.evictIdle();
  expect([rooms.get("channel:1"), room.framesAfter(0), room.framesAfter(1)]).toEqual([room, null, []]);
  rooms.ingest([entry("channel:1", 2)]);
  expect(shown).toEqual(["channel:1 1", "channel:1 2"]);
});

test("a room that nobody was let into is forgotten at once, and none while somebody is on the way in", () => {
  const { rooms, connect } = world();
  const { connection } = connect("ann");
  const entering = new PendingJoin(connection, rooms.open("channel:1"), 0);
  rooms.evictIdle();
  rooms.evictIdle();
  expect(rooms.get("channel:1")).toBe(entering.room);
  entering.end();
  rooms.evictIfEmpty(entering.room);
  expect(rooms.get("channel:1")).toBeUndefined();
});
