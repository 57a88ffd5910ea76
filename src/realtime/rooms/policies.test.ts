import { afterAll, beforeAll, expect, test } from "bun:test";
import { type HubNode, mintToken, startHubNode } from "../../../tests/support/hub-node.ts";
import { openClient } from "../../../tests/support/ws-client.ts";
import { AppError } from "../../platform/errors.ts";
import { Policies } from "./policies.ts";

let node: HubNode;
beforeAll(async () => {
  node = await startHubNode();
});
afterAll(() => node.stop());

const query = async (user: string) => ({ query: `?token=${await mintToken(user)}` });

test("JN-2 the right is checked at every join and resume, and a room that one may not see is not found", async () => {
  const room = "channel:1";
  const position = { seq: 0, epoch: node.epoch.current() };
  const client = await openClient(node.port, await query("ann"));
  const join = async () => (await client.request("room:join", { room })).payload.code ?? "in";
  const resume = async () => (await client.request("system:resume", { rooms: { [room]: position } })).payload;
  expect(await join()).toBe("NOT_FOUND");
  node.members.add(`ann ${room}`);
  expect(await join()).toBe("in");
  expect(await resume()).toEqual({ rooms: { [room]: { ...position, recovered: true } } });
  node.members.delete(`ann ${room}`);
  expect(await resume()).toEqual({ rooms: { [room]: { ...position, recovered: false, code: "NOT_FOUND" } } });
  expect(await join()).toBe("NOT_FOUND");
  for (const other of ["user:bob", "feed:1", "queue:1"])
    expect((await client.request("room:join", { room: other })).payload.code).toBe("NOT_FOUND");
  client.close();
});

test("CN-4 an anonymous connection is asked to sign in for a person's room, and may be in public ones", async () => {
  const client = await openClient(node.port);
  expect((await client.request("room:join", { room: "user:ann" })).payload.code).toBe("UNAUTHORIZED");
  expect((await client.request("room:join", { room: "channel:1" })).payload.code).toBe("NOT_FOUND");
  expect((await client.request("room:join", { room: "event:1" })).type).toBe("room:joined");
  client.close();
});

test("RC-7 when rights cannot be checked the command fails with a retry, and the connection is in none of its rooms", async () => {
  const rooms = ["channel:2", "channel:3"];
  for (const room of rooms) node.members.add(`ann ${room}`);
  const client = await openClient(node.port, await query("ann"));
  const position = { seq: 0, epoch: node.epoch.current() };
  const resume = () =>
    client.request("system:resume", { rooms: Object.fromEntries(rooms.map((room) => [room, position])) });
  await resume();
  const away = Promise.reject(new AppError("unavailable"));
  away.catch(() => {});
  node.policy.gate = away;
  expect((await resume()).payload).toMatchObject({ code: "UNAVAILABLE", retry: true });
  node.policy.gate = Promise.resolve();
  for (const room of rooms) await node.say(room, "unseen");
  await client.request("system:ping");
  expect(client.frames.filter(({ type }) => type === "message:created")).toEqual([]);
  await resume();
  for (const room of rooms) await client.next("message:created", (frame) => frame.room === room);
  client.close();
});

test("RC-2 10,000 joins at once are two checks of rights, and as many that come meanwhile are two more", async () => {
  const sizes: number[] = [];
  const policies = new Policies();
  policies.register("channel", {
    authorize: () => Promise.reject(new Error("each join was checked alone")),
    async authorizeMany(requests) {
      sizes.push(requests.length);
      await new Promise(setImmediate);
      return requests.map(({ room }) => (room === "channel:1" ? null : "not_found"));
    },
  });
  const join = (user: number) =>
    policies.authorize([
      {
        caller: { kind: "user", userId: `u${user}`, username: "u", role: "member", sessionId: null, expiresAt: null },
        room: `channel:${user % 2}`,
      },
    ]);
  const users = Array.from({ length: 10_000 }, (_, i) => i);
  const first = users.map(join);
  while (sizes.length === 0) await Promise.resolve();
  const codes = await Promise.all([...first, ...users.map((user) => join(user + 10_000))]);
  expect(codes.flat()).toEqual(users.concat(users).map((user) => (user % 2 === 1 ? null : "not_found")));
  expect(sizes).toEqual([5_000, 5_000, 5_000, 5_000]);
});

test("two modules cannot own one kind of room", () => {
  expect(() => node.hub.registerRooms("channel", { authorize: async () => {} })).toThrow("two modules");
});
