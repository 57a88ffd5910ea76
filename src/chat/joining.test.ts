import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { errorCode } from "../../tests/support/error-code.ts";
import { chooseSeed, seeded } from "../../tests/support/seeded.ts";
import type { UserCaller } from "../platform/caller.ts";
import { LIMITS } from "./limits.ts";

let node: ChatNode;
let ann: UserCaller;
let people: UserCaller[];

beforeAll(async () => {
  node = await startChatNode({ max: 20 });
  ann = await node.person("ann");
  people = [];
  for (let i = 0; i < 200; i++) people.push(await node.person(`p${i}`));
});
afterAll(() => node.stop());

const publicChannel = async (name: string) => (await node.channels.create(ann, { type: "public", name })).channel.id;

test("many joins at once take a few transactions, and each user gets one entry, with their own name as the actor", async () => {
  const id = await publicChannel("lobby");
  const joined = await Promise.all(people.map((me) => node.members.add(me, id, me.userId)));
  expect(joined.map(({ member, created }) => [member.user.id, member.role, created])).toEqual(
    people.map(({ userId }) => [userId, "member", true]),
  );
  expect((await node.channels.get(ann, id)).member_count).toBe(201);
  const rows = await node.sql<{ xid: string; seq: number; user_id: string; actor: string }[]>`
    SELECT l.xid, l.seq::float8, l.payload::json->'user'->>'id' AS user_id, l.meta::json->>'actor' AS actor
    FROM log l JOIN rooms r ON r.id = l.room_id WHERE r.name = ${`channel:${id}`} ORDER BY l.seq`;
  expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 201 }, (_, i) => i + 1));
  expect(new Set(rows.map(({ user_id }) => user_id)).size).toBe(201);
  expect(rows.filter(({ actor, user_id }) => actor !== user_id)).toEqual([]);
  expect(new Set(rows.map(({ xid }) => xid)).size).toBeLessThan(20);
  for (const { userId } of people.slice(0, 3)) {
    const [entry] = (await node.log(`user:${userId}`)).filter(({ payload }) => JSON.parse(payload).id === id);
    expect(JSON.parse(entry!.payload)).toMatchObject({
      id,
      name: "lobby",
      role: "member",
      unread: 0,
    });
  }
});

test("when joins, leaves and refusals race, each caller gets their own result, and count, members and log agree", async () => {
  const random = seeded(chooseSeed("joining"));
  const id = await publicChannel("coming and going");
  const { channel: closed } = await node.channels.create(ann, { type: "private", name: "closed" });
  const stranger = people.at(-1)!;
  const newcomers = people.slice(0, 40);
  const work = newcomers.flatMap((me) => [
    async () => {
      for (let n = 0; n < 4; n++) {
        if (random.chance(0.3)) await node.members.remove(me, id, me.userId);
        else await node.members.add(random.chance(0.2) ? ann : me, id, me.userId);
      }
      return "ok";
    },
    async () => errorCode(node.members.add(me, id, me.userId, "owner")),
    async () => errorCode(node.members.add(me, closed.id, me.userId)),
    async () => errorCode(node.members.add(stranger, id, "unknown")),
  ]);
  const codes = await Promise.all(work.map((one) => one()));
  expect(codes).toEqual(newcomers.flatMap(() => ["ok", "forbidden", "not_found", "forbidden"]));

  const members = await node.sql<{ user_id: string }[]>`SELECT user_id FROM members WHERE channel_id = ${id}`;
  expect((await node.channels.get(ann, id)).member_count).toBe(members.length);
  const inside = new Set<string>();
  for (const { type, payload } of await node.log(`channel:${id}`)) {
    const { user, user_id } = JSON.parse(payload);
    if (type === "member:joined") {
      expect(inside.has(user.id)).toBe(false);
      inside.add(user.id);
    } else expect(inside.delete(user_id)).toBe(true);
  }
  expect([...inside].sort()).toEqual(members.map(({ user_id }) => user_id).sort());
});

test("of repeated joins only one is new, also when another one of the same person is refused in the batch", async () => {
  const id = await publicChannel("twice");
  const [me] = people as [UserCaller];
  const [refused, ...joined] = await Promise.allSettled([
    node.members.add(me, id, me.userId, "admin"),
    node.members.add(me, id, me.userId),
    node.members.add(me, id, me.userId),
  ]);
  expect(refused).toMatchObject({ status: "rejected", reason: { code: "forbidden" } });
  const created = joined.map((result) => result.status === "fulfilled" && result.value.created);
  expect(created.sort()).toEqual([false, true]);
});

test("the last free slots go to the first joins, and the others fail with full", async () => {
  const id = await publicChannel("nearly full");
  await node.sql`UPDATE channels SET member_count = ${LIMITS.members - 3} WHERE id = ${id}`;
  const codes = await Promise.all(people.slice(0, 10).map((me) => errorCode(node.members.add(me, id, me.userId))));
  expect(codes.sort()).toEqual([...Array(7).fill("full"), "ok", "ok", "ok"]);
});
