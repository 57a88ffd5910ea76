import { expect, test } from "bun:test";
import { getCommandRooms } from "./command-rooms.ts";

const ID = "7212345678901234567";

test("a command names the rooms that its handler will take, by their full names", () => {
  expect(getCommandRooms("room:join", { event_id: "7" })).toEqual(["event:7"]);
  expect(getCommandRooms("room:leave", { room: "feed:main" })).toEqual(["feed:main"]);
  expect(getCommandRooms("typing:start", { channel_id: ID })).toEqual([`channel:${ID}`]);
});

test.each(["no:such", "__proto__", "constructor", "toString"])("%s is no command, and names no room", (type) => {
  expect(getCommandRooms(type, { room: "event:7", channel_id: ID })).toEqual([]);
});
