import { expect, test } from "bun:test";
import type { NamedRoom } from "../../../sdk/admin.ts";
import { readRoomNames, roomPath, roomTitle } from "./room-names.ts";

const general: NamedRoom = { room: "channel:8", name: "general", kind: "public" };
const office: NamedRoom = { room: "channel:9", name: "office", kind: "private" };
const chat: NamedRoom = { room: "channel:7", name: null, kind: "direct" };
const bo: NamedRoom = { room: "user:2", name: "bo.l", kind: "person" };

test("rooms have a display name and a link", () => {
  const shown = (room: string, named?: NamedRoom) => [roomTitle(room, named), roomPath(room, named)];
  expect(shown("channel:8", general)).toEqual(["#general", "/channels/8"]);
  expect(shown("channel:9", office)).toEqual(["#office", "/admin/connections?room=channel%3A9"]);
  expect(shown("channel:7", chat)).toEqual(["Direct chat", "/admin/connections?room=channel%3A7"]);
  expect(shown("channel:6")).toEqual(["Private channel", "/admin/connections?room=channel%3A6"]);
  expect(shown("user:2", bo)).toEqual(["bo.l (personal)", "/admin/people?q=bo.l"]);
  expect(shown("event:77")).toEqual(["event:77", "/admin/connections?room=event%3A77"]);
  expect(shown("all")).toEqual(["Everyone", "/admin/connections?room=all"]);
});

test("names are requested once each, a hundred at a time, and only for rooms that can have one", async () => {
  const requested: (readonly string[])[] = [];
  const roomNames = async (rooms: readonly string[]) => {
    requested.push(rooms);
    return { data: rooms.includes("channel:8") ? [general] : [] };
  };
  const rest = { admin: { roomNames } } as unknown as Parameters<typeof readRoomNames>[0];
  const many = Array.from({ length: 150 }, (_, n) => `channel:${n}`);
  expect(await readRoomNames(rest, [...many, "channel:8", "event:1", "all"])).toEqual({ "channel:8": general });
  expect(requested.map(({ length }) => length)).toEqual([100, 50]);
  expect(await readRoomNames(rest, ["event:1"])).toEqual({});
  expect(requested).toHaveLength(2);
});
