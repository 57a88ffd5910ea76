import { afterAll, beforeAll, expect, test } from "bun:test";
import { Member } from "../../protocol/objects.ts";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { errorCode } from "../../tests/support/error-code.ts";
import { chooseSeed, seeded } from "../../tests/support/seeded.ts";
import type { UserCaller } from "../platform/caller.ts";

let node: ChatNode;
let ann: UserCaller;
let bob: UserCaller;
let cid: UserCaller;

beforeAll(async () => {
  node = await startChatNode({ max: 20 });
  [ann, bob, cid] = [await node.person("ann"), await node.person("bob"), await node.person("cid")];
});
afterAll(() => node.stop());

async function twoOwners(): Promise<string> {
  const { channel } = await node.channels.create(ann, { type: "private", name: "x", member_ids: [bob.userId] });
  await node.members.setRole(ann, channel.id, bob.userId, "owner");
  return channel.id;
}

async function countOwners(channelId: string): Promise<number> {
  const [row] = await node.sql<{ n: number }[]>`
    SELECT count(*)::int AS n FROM members WHERE channel_id = ${channelId} AND role = 'owner'`;
  return row!.n;
}

test("of two owners who leave or step down at once one remains", async () => {
  const random = seeded(chooseSeed("last owner"));
  const ways = [
    (me: UserCaller, id: string) => node.members.remove(me, id, me.userId),
    (me: UserCaller, id: string) => node.members.setRole(me, id, me.userId, "member"),
    (me: UserCaller, id: string) => node.members.remove(me, id, me === ann ? bob.userId : ann.userId),
    (me: UserCaller, id: string) => node.members.setRole(me, id, me === ann ? bob.userId : ann.userId, "admin"),
  ];
  for (let round = 0; round < 24; round++) {
    const id = await twoOwners();
    const codes = await Promise.all([ann, bob].map((me) => errorCode(ways[random.int(0, 3)]!(me, id))));
    expect(codes).toContain("ok");
    expect(await countOwners(id)).toBe(1);
  }
});

test("one last owner can neither leave nor step down", async () => {
  const { channel } = await node.channels.create(ann, { type: "public", name: "mine" });
  await node.members.add(bob, channel.id, bob.userId);
  expect(await errorCode(node.members.remove(ann, channel.id, ann.userId))).toBe("last_owner");
  expect(await errorCode(node.members.setRole(ann, channel.id, ann.userId, "member"))).toBe("last_owner");
});

test("joining many times at once is joining once, and the count is true", async () => {
  const { channel } = await node.channels.create(ann, { type: "public", name: "busy" });
  const people = await Promise.all(Array.from({ length: 8 }, (_, i) => node.person(`p${i}`)));
  const joins = people.flatMap((me) => [1, 2, 3].map(() => node.members.add(me, channel.id, me.userId)));
  const results = await Promise.all(joins);
  expect(results.filter(({ created }) => created)).toHaveLength(8);
  expect((await node.channels.get(ann, channel.id)).member_count).toBe(9);
  await Promise.all(
    people.slice(0, 3).flatMap((me) => [1, 2].map(() => node.members.remove(me, channel.id, me.userId))),
  );
  expect((await node.channels.get(ann, channel.id)).member_count).toBe(6);
  const types = (await node.log(`channel:${channel.id}`)).map(({ type }) => type);
  expect(types.filter((type) => type === "member:joined")).toHaveLength(9);
  expect(types.filter((type) => type === "member:left")).toHaveLength(3);
});

test("a removed member gets an entry in their own room, and the entry of the channel's room takes them out of it", async () => {
  const { channel } = await node.channels.create(ann, { type: "private", name: "x", member_ids: [bob.userId] });
  const room = `channel:${channel.id}`;
  await node.members.remove(ann, channel.id, bob.userId);
  const [left, own] = node.published.slice(-2);
  expect([left, own]).toMatchObject([
    { room, type: "member:left" },
    { room: `user:${bob.userId}`, type: "channel:left" },
  ]);
  expect(node.policy.findExpelled?.(left!)).toEqual({ userId: bob.userId });
  expect(node.policy.findExpelled?.(own!)).toBeNull();
  const calls = node.hubCalls.length;
  await node.members.remove(ann, channel.id, bob.userId);
  expect(node.hubCalls).toHaveLength(calls);
  expect(await errorCode(node.policy.authorize(bob, room))).toBe("not_found");
});

test("a new member can read the messages from before they joined, which count as read", async () => {
  const { channel } = await node.channels.create(ann, { type: "private", name: "x" });
  await node.sendMessage(ann, { channel_id: channel.id, content: "before" });
  const { member, created } = await node.members.add(ann, channel.id, cid.userId);
  expect([created, Member.parse(member).role]).toEqual([true, "member"]);
  expect((await node.messages.page(cid, channel.id, { limit: 5 })).data.map(({ content }) => content)).toEqual([
    "before",
  ]);
  expect((await node.channels.get(cid, channel.id)).unread).toBe(0);
  await node.sendMessage(ann, { channel_id: channel.id, content: "after" });
  expect((await node.channels.get(cid, channel.id)).unread).toBe(1);
});

test("a role changes by one entry, and the same role by none", async () => {
  const { channel } = await node.channels.create(ann, { type: "private", name: "x", member_ids: [bob.userId] });
  await node.members.setRole(ann, channel.id, bob.userId, "admin");
  await node.members.setRole(ann, channel.id, bob.userId, "admin");
  const log = (await node.log(`channel:${channel.id}`)).filter(({ type }) => type === "member:updated");
  expect(log.map(({ payload }) => JSON.parse(payload))).toEqual([
    expect.objectContaining({
      channel_id: channel.id,
      role: "admin",
      user: { id: bob.userId, username: "bob", name: null },
    }),
  ]);
});

test("the list of members goes page by page, by role and by name", async () => {
  const { channel } = await node.channels.create(ann, { type: "public", name: "listed" });
  const people = await Promise.all(Array.from({ length: 6 }, (_, i) => node.person(`member_${i}`)));
  for (const me of people) await node.members.add(me, channel.id, me.userId);
  const all = await node.members.list(ann, channel.id, { limit: 100 });
  expect(all.data).toHaveLength(7);
  const first = await node.members.list(ann, channel.id, { limit: 4 });
  const second = await node.members.list(ann, channel.id, { limit: 4, after: first.next! });
  expect([...first.data, ...second.data]).toEqual(all.data);
  expect((await node.members.list(ann, channel.id, { limit: 4, before: second.prev! })).data).toEqual(first.data);
  const owners = await node.members.list(ann, channel.id, { limit: 4, role: "owner" });
  expect(owners.data.map(({ user }) => user.username)).toEqual(["ann"]);
  expect((await node.members.list(ann, channel.id, { limit: 4, q: "R_3" })).data[0]!.user.username).toBe("member_3");
});

test("an admin removes members; admins and owners are removed by an owner alone", async () => {
  const { channel } = await node.channels.create(ann, {
    type: "private",
    name: "ranks",
    member_ids: [bob.userId, cid.userId],
  });
  const dan = await node.person("dan");
  await node.members.add(ann, channel.id, dan.userId);
  for (const admin of [bob, cid]) await node.members.setRole(ann, channel.id, admin.userId, "admin");
  const remove = (who: UserCaller, whom: UserCaller) => errorCode(node.members.remove(who, channel.id, whom.userId));
  expect(await remove(bob, cid)).toBe("forbidden");
  expect(await remove(bob, ann)).toBe("forbidden");
  expect(await remove(bob, dan)).toBe("ok");
  expect(await remove(ann, cid)).toBe("ok");
});
