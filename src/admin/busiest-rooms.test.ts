import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/support/postgres.ts";
import type { UserCaller } from "../platform/caller.ts";
import { findBusiestRooms } from "./busiest-rooms.ts";
import type { AdminDeps } from "./deps.ts";
import { listRoomNames } from "./room-names.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.sql`INSERT INTO rooms (id, name, head) VALUES (1, 'event:1', 42)`;
});
afterAll(() => database.close());

test("rooms are counted over all nodes, the hundred fullest are listed, each with the head of its log", async () => {
  const many = Array.from({ length: 120 }, (_, n) => ({ name: `event:${n + 100}`, members: 1 }));
  const nodes = [
    { rooms: [{ name: "event:1", members: 2 }, { name: "event:2", members: 3 }, ...many] },
    { rooms: [{ name: "event:1", members: 5 }] },
  ];
  const realtime = {
    cluster: { getStats: async () => ({ nodes, partial: true }) },
  } as unknown as AdminDeps["realtime"];
  const { data, partial } = await findBusiestRooms({ sql: database.sql, realtime });
  expect(partial).toBe(true);
  expect(data).toHaveLength(100);
  expect(data.slice(0, 2)).toEqual([
    { room: "event:1", connections: 7, head_seq: 42 },
    { room: "event:2", connections: 3, head_seq: null },
  ]);
});

test("only names of channels and of people's own rooms are looked up, with the caller's rights", async () => {
  const calls: unknown[] = [];
  const names: AdminDeps["roomNames"] = {
    async channels(caller, ids) {
      calls.push([caller.username, ids]);
      return [{ id: "8", name: "general", type: "public" }];
    },
    async users(ids) {
      calls.push(ids);
      return new Map([["2", { id: "2", username: "bo", name: null }]]);
    },
  };
  const ada = { username: "ada" } as UserCaller;
  expect(
    await listRoomNames({ roomNames: names }, ada, ["channel:8", "user:2", "event:1", "all", "channel:9"]),
  ).toEqual([
    { room: "channel:8", name: "general", kind: "public" },
    { room: "user:2", name: "bo", kind: "person" },
  ]);
  expect(calls).toEqual([["ada", ["8", "9"]], ["2"]]);
});
