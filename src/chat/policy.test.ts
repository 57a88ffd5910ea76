import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CommandType } from "../../protocol/frames.ts";
import { type ChatNode, startChatNode } from "../../tests/support/chat-node.ts";
import { errorCode } from "../../tests/support/error-code.ts";
import { ANONYMOUS, type Caller, type UserCaller } from "../platform/caller.ts";

/** All kinds of callers, relative to a channel. `removed` was a member before. */
const WHO = ["owner", "admin", "member", "removed", "stranger", "anonymous"] as const;
type Who = (typeof WHO)[number];

let node: ChatNode;
let people: Record<Exclude<Who, "anonymous">, UserCaller>;
/** A passive member, who is the object of actions, and another stranger. */
let victim: UserCaller;
let newcomer: UserCaller;
let names = 0;

beforeAll(async () => {
  node = await startChatNode();
  people = {
    owner: await node.person("owner"),
    admin: await node.person("admin"),
    member: await node.person("member"),
    removed: await node.person("removed"),
    stranger: await node.person("stranger"),
  };
  victim = await node.person("victim");
  newcomer = await node.person("newcomer");
});
afterAll(() => node.stop());

interface Fixture {
  channel_id: string;
  /** Sent by the victim. */
  message_id: string;
}

async function makeFixture(type: "public" | "private"): Promise<Fixture> {
  const { owner, admin, member, removed } = people;
  const member_ids = [admin, member, removed, victim].map(({ userId }) => userId);
  const { channel } = await node.channels.create(owner, { type, name: `c${names++}`, member_ids });
  await node.members.setRole(owner, channel.id, admin.userId, "admin");
  await node.members.remove(owner, channel.id, removed.userId);
  const { message } = await node.sendMessage(victim, { channel_id: channel.id, content: "hello" });
  return { channel_id: channel.id, message_id: message.id };
}

type UseCase = (me: Caller, fixture: Fixture) => Promise<unknown>;

function command(type: CommandType, payload: (fixture: Fixture) => object): UseCase {
  return (caller, fixture) =>
    node.commands.get(type)!({ caller, payload: payload(fixture) as never, accepted: () => {} });
}

const list = { limit: 20 };
const USE_CASES: Record<string, UseCase> = {
  "see the channel": (me, { channel_id }) => node.channels.get(me, channel_id),
  "join it": (me, { channel_id }) => node.members.add(me, channel_id, me.kind === "user" ? me.userId : newcomer.userId),
  "join its room": (me, { channel_id }) => node.policy.authorize(me, `channel:${channel_id}`),
  "see its members": (me, { channel_id }) => node.members.list(me, channel_id, list),
  "read messages": (me, { channel_id }) => node.messages.page(me, channel_id, list),
  "read a message": (me, { message_id }) => node.messages.get(me, message_id),
  "read replies": (me, { message_id }) => node.messages.replies(me, message_id, list),
  send: (me, { channel_id }) => node.sendMessage(me, { channel_id, content: "x" }),
  reply: (me, p) => node.sendMessage(me, { channel_id: p.channel_id, content: "x", reply_to_id: p.message_id }),
  "mark read": (me, p) => node.readMarks.mark(me, p.channel_id, p.message_id),
  "type (frame)": command("typing:start", ({ channel_id }) => ({ channel_id })),
  "stop typing (frame)": command("typing:stop", ({ channel_id }) => ({ channel_id })),
  "send (frame)": command("message:send", ({ channel_id }) => ({ channel_id, content: "x" })),
  "mark read (frame)": command("read:mark", (fixture) => fixture),
  "edit another's message": (me, { message_id }) => node.messages.edit(me, message_id, "y"),
  "edit another's message (frame)": command("message:edit", ({ message_id }) => ({ message_id, content: "y" })),
  "add another user": (me, { channel_id }) => node.members.add(me, channel_id, newcomer.userId),
  "add an admin": (me, { channel_id }) => node.members.add(me, channel_id, newcomer.userId, "admin"),
  "rename it": (me, { channel_id }) => node.channels.update(me, channel_id, { name: `renamed${names++}` }),
  "delete another's message": (me, { message_id }) => node.messages.delete(me, message_id),
  "delete another's message (frame)": command("message:delete", ({ message_id }) => ({ message_id })),
  "remove a member": (me, { channel_id }) => node.members.remove(me, channel_id, victim.userId),
  "remove an admin": (me, { channel_id }) =>
    node.members.remove(me, channel_id, (me === people.admin ? people.owner : people.admin).userId),
  "give a role": (me, { channel_id }) => node.members.setRole(me, channel_id, victim.userId, "admin"),
  "delete it": (me, { channel_id }) => node.channels.delete(me, channel_id),
};

/** The result for each caller, in the order of WHO: `+` ok, `F` forbidden, `N` not_found, `A` unauthenticated. */
const EXPECTED: Record<string, { public: string; private: string }> = {
  "see the channel": { public: "+++++A", private: "+++NNA" },
  "join it": { public: "+++++A", private: "+++NNA" },
  "add another user": { public: "+++FFA", private: "++FNNA" },
  "add an admin": { public: "+FFFFA", private: "+FFNNA" },
};
const READ = { public: "+++FFA", private: "+++NNA" };
const AUTHOR = { public: "FFFFFA", private: "FFFNNA" };
const ADMIN = { public: "++FFFA", private: "++FNNA" };
const OWNER = { public: "+FFFFA", private: "+FFNNA" };
for (const name of [
  "join its room",
  "see its members",
  "read messages",
  "read a message",
  "read replies",
  "send",
  "reply",
  "mark read",
  "type (frame)",
  "stop typing (frame)",
  "send (frame)",
  "mark read (frame)",
])
  EXPECTED[name] = READ;
for (const name of ["edit another's message", "edit another's message (frame)"]) EXPECTED[name] = AUTHOR;
for (const name of ["rename it", "delete another's message", "delete another's message (frame)", "remove a member"])
  EXPECTED[name] = ADMIN;
for (const name of ["remove an admin", "give a role", "delete it"]) EXPECTED[name] = OWNER;

const SIGNS: Record<string, string> = { ok: "+", forbidden: "F", not_found: "N", unauthenticated: "A" };

for (const type of ["public", "private"] as const) {
  test(`who may do what in a ${type} channel`, async () => {
    const seen: Record<string, string> = {};
    for (const [name, attempt] of Object.entries(USE_CASES)) {
      seen[name] = "";
      for (const who of WHO) {
        const fixture = await makeFixture(type);
        const code = await errorCode(attempt(who === "anonymous" ? ANONYMOUS : people[who], fixture));
        seen[name] += SIGNS[code] ?? code;
      }
    }
    const expected = Object.fromEntries(Object.keys(USE_CASES).map((name) => [name, EXPECTED[name]![type]]));
    expect(seen).toEqual(expected);
  });
}

test("a direct chat is for its two members, and neither can delete the other's messages", async () => {
  const { owner: ann, admin: bob, stranger } = people;
  const { channel } = await node.channels.create(ann, { type: "direct", member_ids: [bob.userId] });
  const { message } = await node.sendMessage(ann, { channel_id: channel.id, content: "hi" });
  const fixture = { channel_id: channel.id, message_id: message.id };
  for (const name of ["see the channel", "join its room", "read messages", "send", "mark read", "type (frame)"]) {
    expect(await errorCode(USE_CASES[name]!(bob, fixture))).toBe("ok");
  }
  expect(await errorCode(node.messages.delete(bob, message.id))).toBe("forbidden");
  const strangers = Object.values(USE_CASES).map((attempt) => errorCode(attempt(stranger, fixture)));
  expect(new Set(await Promise.all(strangers))).toEqual(new Set(["not_found"]));
});

test("lists and counts contain the caller's own, and nothing for anonymous", async () => {
  const { channel_id } = await makeFixture("private");
  const joined = (me: UserCaller) => node.channels.list(me, { scope: "joined", limit: 100 });
  const open = (me: UserCaller) => node.channels.list(me, { scope: "public", limit: 100 });
  const has = async (made: Promise<{ data: { id: string }[] }>) =>
    (await made).data.some(({ id }) => id === channel_id);
  expect(
    await Promise.all([has(joined(people.removed)), has(open(people.removed)), has(open(people.stranger))]),
  ).toEqual([false, false, false]);
  expect((await node.readMarks.counts(people.removed)).channels).toEqual([]);
  const calls = [
    node.channels.list(ANONYMOUS, { scope: "public", limit: 1 }),
    node.channels.create(ANONYMOUS, { type: "public", name: "x" }),
    node.readMarks.counts(ANONYMOUS),
  ];
  expect(await Promise.all(calls.map(errorCode))).toEqual(calls.map(() => "unauthenticated"));
});

test("rooms checked in bulk get the same results as one by one, malformed names too", async () => {
  const fixtures = [await makeFixture("public"), await makeFixture("private")];
  const rooms = [
    ...fixtures.map(({ channel_id }) => `channel:${channel_id}`),
    "channel:x",
    "channel:1",
    "channel:9999999999999999999",
  ];
  const callers: Caller[] = [...Object.values(people), ANONYMOUS];
  const asks = callers.flatMap((caller) => rooms.map((room) => ({ caller, room })));
  const single = await Promise.all(asks.map(({ caller, room }) => errorCode(node.policy.authorize(caller, room))));
  const bulk = await node.policy.authorizeMany!(asks);
  expect(bulk.map((code) => code ?? "ok")).toEqual(single as never);
  expect(new Set(single)).toEqual(new Set(["ok", "forbidden", "not_found", "unauthenticated"]));
});
