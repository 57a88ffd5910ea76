import { afterAll, beforeAll, expect, test } from "bun:test";
import { Channel } from "../../protocol/objects.ts";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { errorCode } from "../../tests/support/error-code.ts";
import type { UserCaller } from "../platform/caller.ts";
import { LIMITS } from "./limits.ts";

let node: ChatNode;
let ann: UserCaller;
let bob: UserCaller;

beforeAll(async () => {
  node = await startChatNode({ max: 20 });
  ann = await node.person("ann");
  bob = await node.person("bob");
});
afterAll(() => node.stop());

test("a pair has exactly one direct chat, however many create it at once", async () => {
  const made = await Promise.all(
    Array.from({ length: 30 }, (_, i) => {
      const [me, other] = i % 2 ? [ann, bob] : [bob, ann];
      return node.channels.create(me, { type: "direct", member_ids: [other.userId] });
    }),
  );
  expect(new Set(made.map(({ channel }) => channel.id)).size).toBe(1);
  expect(made.filter(({ created }) => created)).toHaveLength(1);
  const { id } = made[0]!.channel;
  expect((await node.log(`channel:${id}`)).map(({ type }) => type)).toEqual(["member:joined", "member:joined"]);
  const joined = (await node.log(`user:${ann.userId}`)).filter(({ type }) => type === "channel:joined");
  expect(joined.map(({ payload }) => Channel.parse(JSON.parse(payload)).peer?.username)).toEqual(["bob"]);
  expect((await node.channels.get(ann, id)).peer).toEqual({ id: bob.userId, username: "bob", name: null });
  expect((await node.channels.get(bob, id)).peer).toEqual({ id: ann.userId, username: "ann", name: null });
});

test("a direct chat stays as it is", async () => {
  const { channel } = await node.channels.create(ann, { type: "direct", member_ids: [bob.userId] });
  const cid = await node.person("cid");
  const refused = [
    node.channels.update(ann, channel.id, { name: "x" }),
    node.channels.delete(ann, channel.id),
    node.members.add(ann, channel.id, cid.userId),
    node.members.setRole(ann, channel.id, ann.userId, "owner"),
    node.members.remove(ann, channel.id, ann.userId),
    node.members.remove(ann, channel.id, bob.userId),
  ];
  expect(await Promise.all(refused.map(errorCode))).toEqual(refused.map(() => "direct_immutable"));
});

test("the errors of a new channel are listed by field", async () => {
  const wrong = [
    { type: "public" },
    { type: "direct", name: "x", member_ids: [bob.userId] },
    { type: "direct", member_ids: [] },
    { type: "direct", member_ids: [ann.userId] },
    { type: "private", name: "x", member_ids: ["unknown"] },
  ] as const;
  for (const input of wrong) {
    expect(
      await errorCode(
        node.channels.create(ann, { ...input, member_ids: [...("member_ids" in input ? input.member_ids : [])] }),
      ),
    ).toBe("invalid");
  }
});

test("names of public channels are unique, in any case; those of private ones are not checked", async () => {
  const race = await Promise.all(
    ["General", "general", "Gene\u200bral", "Ｇｅｎｅｒａｌ"].map((name) =>
      errorCode(node.channels.create(ann, { type: "public", name })),
    ),
  );
  expect(race.sort()).toEqual(["name_taken", "name_taken", "name_taken", "ok"]);
  const twins = [ann, bob].map((me) => errorCode(node.channels.create(me, { type: "private", name: "secret" })));
  expect(await Promise.all(twins)).toEqual(["ok", "ok"]);
  const { channel } = await node.channels.create(ann, { type: "public", name: "other" });
  expect(await errorCode(node.channels.update(ann, channel.id, { name: "general" }))).toBe("name_taken");
  await node.channels.delete(ann, channel.id);
  expect(await errorCode(node.channels.create(bob, { type: "public", name: "other" }))).toBe("ok");
});

test("channels are found by their names in any case, width and accents, and missing keys are created", async () => {
  const { channel } = await node.channels.create(ann, { type: "public", name: "Café  ΛΟΓΟΣ" });
  const find = async (q: string) => {
    const { data } = await node.channels.list(ann, { scope: "public", limit: 100, q });
    return data.map(({ id }) => id);
  };
  for (const q of ["café λόγος", "CAFE", "ｃａｆｅ", "λογοσ"]) expect(await find(q)).toEqual([channel.id]);
  // As the release before this one renames.
  await node.sql`UPDATE channels SET name = 'Thé Zimt' WHERE id = ${channel.id}`;
  expect(await find("cafe")).toEqual([]);
  await node.sweep();
  expect(await find("the zimt")).toEqual([channel.id]);
  expect(await errorCode(node.channels.create(bob, { type: "public", name: "ＴＨÉ zimt" }))).toBe("name_taken");
});

test("a change is one entry, and no change is none", async () => {
  const { channel } = await node.channels.create(ann, { type: "private", name: "plans", topic: "old" });
  const changed = await node.channels.update(ann, channel.id, { topic: "new" });
  expect(changed).toMatchObject({ name: "plans", topic: "new" });
  await node.channels.update(ann, channel.id, { name: "plans" });
  expect((await node.channels.update(ann, channel.id, { topic: "" })).topic).toBeNull();
  const log = (await node.log(`channel:${channel.id}`)).filter(({ type }) => type === "channel:updated");
  expect(log.map(({ payload }) => JSON.parse(payload))).toEqual([
    { channel_id: channel.id, name: "plans", topic: "new" },
    { channel_id: channel.id, name: "plans", topic: null },
  ]);
});

test("a deleted channel does not exist for anyone, and its last entry removes everyone from its room", async () => {
  const { channel } = await node.channels.create(ann, { type: "private", name: "x", member_ids: [bob.userId] });
  await node.sendMessage(bob, { channel_id: channel.id, content: "bye" });
  await node.channels.delete(ann, channel.id);
  const last = node.hubCalls.at(-1);
  expect(last).toMatchObject({ kind: "publish", entry: { type: "channel:deleted", room: `channel:${channel.id}` } });
  if (last?.kind === "publish") expect(node.policy.findExpelled?.(last.entry)).toBe("everyone");
  expect(await errorCode(node.channels.get(ann, channel.id))).toBe("not_found");
  expect(await errorCode(node.messages.page(bob, channel.id, { limit: 1 }))).toBe("not_found");
  expect((await node.readMarks.counts(ann)).channels.map((c) => c.channel_id)).not.toContain(channel.id);
});

test("the list and the stream of one's own room leave no gap: no channel is in neither", async () => {
  const dan = await node.person("dan");
  const empty = await node.channels.list(dan, { scope: "joined", limit: 20 });
  expect(empty).toEqual({ data: [], next: null, prev: null, position: { seq: 0, epoch: "epoch" } });
  let done = false;
  const making = (async () => {
    for (let i = 0; i < 40; i++) {
      await node.channels.create(ann, { type: "private", name: `d${i}`, member_ids: [dan.userId] });
    }
    done = true;
  })();
  while (!done) {
    const list = await node.channels.list(dan, { scope: "joined", limit: 100 });
    const later = (await node.log(`user:${dan.userId}`)).filter(({ seq }) => seq > list.position.seq);
    const listed = list.data.map(({ id }) => id);
    const streamed = later.map(({ payload }) => JSON.parse(payload).id);
    expect(listed).toHaveLength(list.position.seq);
    expect(new Set([...listed, ...streamed]).size).toBe(listed.length + streamed.length);
  }
  await making;
});

test("lists go page by page in both directions, and find by name", async () => {
  const eve = await node.person("eve");
  const names = Array.from({ length: 7 }, (_, i) => `eve_${i}%`);
  for (const name of names) await node.channels.create(eve, { type: "public", name });
  const first = await node.channels.list(eve, { scope: "joined", limit: 3 });
  const second = await node.channels.list(eve, { scope: "joined", limit: 3, after: first.next! });
  const third = await node.channels.list(eve, { scope: "joined", limit: 3, after: second.next! });
  expect([first, second, third].flatMap(({ data }) => data.map(({ name }) => name))).toEqual(names);
  expect([first.prev, third.next]).toEqual([null, null]);
  expect((await node.channels.list(eve, { scope: "joined", limit: 3, before: third.prev! })).data).toEqual(second.data);
  const found = await node.channels.list(bob, { scope: "public", limit: 20, q: "E_3%" });
  expect(found.data.map(({ name, role }) => [name, role])).toEqual([["eve_3%", null]]);
  expect((await node.channels.list(eve, { scope: "public", limit: 20, type: "private" })).data).toEqual([]);
  expect(await errorCode(node.channels.list(eve, { scope: "joined", limit: 3, after: "99999999999999999999" }))).toBe(
    "invalid",
  );
});

test("no one is in more channels than the limit", async () => {
  const fay = await node.person("fay");
  await node.sql`
    INSERT INTO channels (id, type, name, member_count, created_by)
    SELECT i, 'private', 'many', 1, 'x' FROM generate_series(1, ${LIMITS.channelsPerUser}) i`;
  await node.sql`
    INSERT INTO members (channel_id, user_id, role)
    SELECT i, ${fay.userId}, 'owner' FROM generate_series(1, ${LIMITS.channelsPerUser}) i`;
  expect(await errorCode(node.channels.create(fay, { type: "private", name: "one more" }))).toBe("full");
  const { channel } = await node.channels.create(ann, { type: "public", name: "for fay" });
  expect(await errorCode(node.members.add(fay, channel.id, fay.userId))).toBe("full");
});

test("an owner of the server gets the names of all channels, everyone else those of public ones and of their own", async () => {
  const cid = await node.person("cid");
  const make = async (input: { type: "public" | "private"; name: string }) =>
    (await node.channels.create(ann, input)).channel.id;
  const open = await make({ type: "public", name: "named in the open" });
  const hidden = await make({ type: "private", name: "named in private" });
  const { channel } = await node.channels.create(ann, { type: "direct", member_ids: [bob.userId] });
  const ids = [open, hidden, channel.id, "9223372036854775807", "no id"];
  const findNames = async (who: UserCaller) =>
    Object.fromEntries((await node.channels.names(who, ids)).map(({ id, name }) => [id, name]));
  expect(await findNames({ ...cid, role: "owner" })).toEqual({
    [open]: "named in the open",
    [hidden]: "named in private",
    [channel.id]: null,
  });
  expect(await findNames({ ...cid, role: "admin" })).toEqual({ [open]: "named in the open" });
  expect(await findNames(bob)).toEqual({ [open]: "named in the open", [channel.id]: null });
  await node.channels.delete(ann, open);
  expect(await findNames(cid)).toEqual({});
});
