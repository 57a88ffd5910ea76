import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import { eraseUser } from "./erase.ts";

let node: ChatNode;
let ann: UserCaller;
let bob: UserCaller;
let cid: UserCaller;

beforeAll(async () => {
  node = await startChatNode();
  [ann, bob, cid] = [await node.person("ann"), await node.person("bob"), await node.person("cid")];
});
afterAll(() => node.stop());

test("an erased person's messages are redacted everywhere, and nothing of others is", async () => {
  const member_ids = [bob.userId, cid.userId];
  const shared = (await node.channels.create(ann, { type: "private", name: "shared", member_ids })).channel.id;
  const alone = (await node.channels.create(ann, { type: "public", name: "alone" })).channel.id;
  const direct = (await node.channels.create(ann, { type: "direct", member_ids: [bob.userId] })).channel.id;
  for (const channel_id of [shared, alone, direct]) await node.sendMessage(ann, { channel_id, content: "my secret" });
  await node.sendMessage(bob, { channel_id: direct, content: "kept" });
  await node.members.setRole(ann, shared, cid.userId, "admin");

  const exported = await node.exportUser(ann.userId);
  expect(exported.channels).toHaveLength(3);
  expect(JSON.stringify(exported.messages).match(/my secret/g)).toHaveLength(3);

  await node.erase(ann.userId);
  await node.erase(ann.userId);

  for (const channel_id of [shared, alone, direct]) {
    const log = await node.log(`channel:${channel_id}`);
    expect(JSON.stringify(log)).not.toContain("secret");
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, i) => i + 1));
  }
  expect((await node.exportUser(ann.userId)).messages).toEqual([]);
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

test("the name that a person had is in no entry of the log any more, and no one else's is changed", async () => {
  const [dan, eve] = [await node.person('d"a\\n'), await node.person("eve")];
  await node.sql`UPDATE users SET name = ${'D\\"an'} WHERE id = ${dan.userId}`;
  const member_ids = [bob.userId, dan.userId];
  const shared = (await node.channels.create(eve, { type: "private", name: "s", member_ids })).channel.id;
  await node.channels.create(dan, { type: "direct", member_ids: [bob.userId] });
  const send = async (content: string) => (await node.sendMessage(dan, { channel_id: shared, content })).message.id;
  const id = await send("taken back");
  await node.messages.delete(dan, id);
  const quoted = `{"user_id":"${dan.userId}","username":"kept"}`;
  await node.sendMessage(bob, { channel_id: shared, content: quoted });
  await node.members.setRole(eve, shared, dan.userId, "admin");
  await node.members.remove(dan, shared, dan.userId);
  const rooms = [`channel:${shared}`, `user:${bob.userId}`, `user:${dan.userId}`];
  const logs = async () => (await Promise.all(rooms.map((room) => node.log(room)))).flat();
  const before = await logs();

  const now = `deleted:${dan.userId}`;
  await node.sql`UPDATE users SET username = ${now}, name = NULL WHERE id = ${dan.userId}`;
  await node.erase(dan.userId);

  const renamed = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, inner]) => [key, renamed(inner)]);
    const copy = Object.fromEntries(entries);
    if (copy.user_id === dan.userId && "username" in copy) copy.username = now;
    if (copy.id === dan.userId && "username" in copy) Object.assign(copy, { username: now, name: null });
    return copy;
  };
  const after = await logs();
  for (const { room, seq, payload } of before) {
    const entry = after.find((other) => other.room === room && other.seq === seq)!;
    expect(JSON.parse(entry.payload)).toEqual(renamed(JSON.parse(payload)) as object);
  }
  const named = (entries: LogEntry[]) =>
    entries.filter(({ payload }) => payload.includes(JSON.stringify(dan.username)));
  expect(named(before).map(({ type }) => type)).toEqual([
    "member:joined",
    "message:created",
    "member:updated",
    "channel:joined",
  ]);
  expect(named(after)).toEqual([]);
});

test("an interrupted erasure continues, whatever the size of a step", async () => {
  const fay = await node.person("fay");
  const member_ids = [bob.userId, fay.userId];
  const { id } = (await node.channels.create(ann, { type: "private", name: "steps", member_ids })).channel;
  for (let n = 0; n < 10; n++) {
    await node.sendMessage(fay, { channel_id: id, content: `words of ${n}` });
    await node.sendMessage(bob, { channel_id: id, content: `kept ${n}` });
  }
  await node.sql`UPDATE users SET username = ${`deleted:${fay.userId}`} WHERE id = ${fay.userId}`;
  const left = async () => {
    const payloads = (await node.log(`channel:${id}`)).map(({ payload }) => payload);
    return [/words of/, /"username":"fay"/].map((what) => payloads.filter((payload) => what.test(payload)).length);
  };
  const [words] = await left();
  expect(words).toBe(10);
  const seen: number[][] = [];
  // Each attempt fails after more transactions than the previous one.
  for (let max = 2, done = false; !done; max += 5) {
    let begun = 0;
    const transaction: typeof node.deps.transaction = (who, work) =>
      begun++ < max ? node.deps.transaction(who, work) : Promise.reject(new Error("killed"));
    done = await eraseUser({ sql: node.sql, transaction }, fay.userId, 3).then(
      () => true,
      () => false,
    );
    seen.push(await left());
  }
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.map(([words]) => words)).toEqual(seen.map(([words]) => words).toSorted((a, b) => b! - a!));
  expect(seen[0]![0]).toBeGreaterThan(0);
  expect(seen.at(-1)).toEqual([0, 0]);
  const exported = JSON.stringify((await node.exportUser(bob.userId)).messages);
  expect([...(exported.match(/kept \d/g) ?? [])]).toEqual(Array.from({ length: 10 }, (_, n) => `kept ${n}`));
});
