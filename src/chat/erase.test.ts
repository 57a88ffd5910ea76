import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import type { UserCaller } from "../platform/caller.ts";

let node: ChatNode;
let ann: UserCaller;
let bob: UserCaller;
let cid: UserCaller;

beforeAll(async () => {
  node = await startChatNode();
  [ann, bob, cid] = [await node.person("ann"), await node.person("bob"), await node.person("cid")];
});
afterAll(() => node.stop());

test("an erased person's words are nowhere, and nothing of others goes with them", async () => {
  const member_ids = [bob.userId, cid.userId];
  const shared = (await node.channels.create(ann, { type: "private", name: "shared", member_ids })).channel.id;
  const alone = (await node.channels.create(ann, { type: "public", name: "alone" })).channel.id;
  const direct = (await node.channels.create(ann, { type: "direct", member_ids: [bob.userId] })).channel.id;
  for (const channel_id of [shared, alone, direct]) await node.messages.send(ann, { channel_id, content: "my secret" });
  await node.messages.send(bob, { channel_id: direct, content: "kept" });
  await node.members.setRole(ann, shared, cid.userId, "admin");

  const kept = await node.exportOf(ann.userId);
  expect(kept.channels).toHaveLength(3);
  expect(JSON.stringify(kept.messages).match(/my secret/g)).toHaveLength(3);

  await node.erase(ann.userId);
  await node.erase(ann.userId);

  for (const channel_id of [shared, alone, direct]) {
    const log = await node.log(`channel:${channel_id}`);
    expect(JSON.stringify(log)).not.toContain("secret");
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1));
  }
  expect((await node.exportOf(ann.userId)).messages).toEqual([]);
  const roles = (await node.members.list(bob, shared, { limit: 10 })).data.map(({ user, role }) => [
    user.username,
    role,
  ]);
  expect(roles.sort()).toEqual([
    ["bob", "member"],
    ["cid", "owner"],
  ]);
  expect((await node.channels.get(bob, shared)).member_count).toBe(2);
  expect((await node.channels.list(bob, { scope: "public", limit: 10 })).data).toEqual([]);
  const words = (await node.messages.page(bob, direct, { limit: 10 })).data.map(({ content }) => content);
  expect(words).toEqual(["", "kept"]);
});
