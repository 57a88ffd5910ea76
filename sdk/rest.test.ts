import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { z } from "zod";
import { Presence } from "../protocol/frames.ts";
import { Channel, Me, Member, Message, PublicUser, page } from "../protocol/objects.ts";
import { ChannelPage } from "../src/chat/routes/channels.ts";
import { MessagePage } from "../src/chat/routes/messages.ts";
import { ReadMark, UnreadCounts } from "../src/chat/routes/read-marks.ts";
import {
  Ban,
  ConnectionToken,
  Refreshed,
  RegistrationInvite,
  ResetLink,
  Session,
  SignedIn,
} from "../src/identity/routes/schemas.ts";
import { Meta } from "../src/transport/http/meta.ts";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { expectEmpty, expectSchema, listCallNames, recordCalls } from "../tests/support/rest-calls.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import { createRest, type Rest } from "./rest.ts";

setDefaultTimeout(60_000);

let app: TestApp;
const InRoom = Presence.omit({ room: true });

/** Names of the calls that have succeeded, as in `channels.create`. */
const tested = new Set<string>();
const PASSWORD = "correct horse battery staple";

beforeAll(async () => {
  app = await startTestApp();
}, 60_000);
afterAll(() => app.close());

/** The REST calls of a client with this token. */
function createRestFor(getToken: () => string | null): Rest {
  return recordCalls(createRest({ url: app.url, getToken }), tested);
}

test("every call returns what its type says, and the type is the one of the server's schema", async () => {
  const anonymous = createRestFor(() => null);
  expect((await expectSchema(Meta, anonymous.meta())).set_up).toBe(false);
  const account = (username: string) => ({ email: `${username}@example.org`, username, password: PASSWORD });
  const more = { name: "Olga", phone: "+49 30 123456" };
  const olga = await expectSchema(SignedIn, anonymous.auth.register({ ...account("olga"), ...more }));
  const { access_token, user } = await expectSchema(SignedIn, anonymous.auth.register(account("ann")));
  const [owner, ann] = [createRestFor(() => olga.access_token), createRestFor(() => access_token)];

  // People
  await expectSchema(Me, ann.users.me());
  await expectSchema(Me, ann.users.updateMe({ name: "Ann A.", username: "anna", phone: null }));
  await expectSchema(PublicUser, ann.users.get(olga.user.id));
  const byName = await expectSchema(page(PublicUser), ann.users.list({ q: "ol", limit: 1 }));
  expect(byName.data.map(({ username }) => username)).toEqual(["olga"]);
  const byIds = await expectSchema(
    page(PublicUser),
    ann.users.list({ ids: [olga.user.id, user.id, "unknown", "auth0|5f7c,x%2C"] }),
  );
  expect(byIds.data).toHaveLength(2);

  // Channels and members
  const topic = "Anything";
  const channel = await expectSchema(
    Channel,
    ann.channels.create({ type: "public", name: "talk", topic, member_ids: [] }, "k1"),
  );
  expect(await ann.channels.create({ type: "public", name: "talk", topic, member_ids: [] }, "k1")).toEqual(channel);
  const direct = await expectSchema(Channel, ann.channels.create({ type: "direct", member_ids: [olga.user.id] }));
  expect(direct.peer?.username).toBe("olga");
  await expectSchema(Channel, owner.channels.get(channel.id));
  await expectSchema(Channel, ann.channels.update(channel.id, { name: "the talk", topic: null }));
  const list = await expectSchema(
    ChannelPage,
    owner.channels.list({ scope: "public", type: "public", q: "TALK", limit: 1 }),
  );
  expect(list.data.map(({ role }) => role)).toEqual([null]);
  await expectSchema(Member.optional(), owner.members.add(channel.id));
  expect(await expectSchema(Member.optional(), owner.members.add(channel.id))).toBeUndefined();
  await expectSchema(Member, ann.members.setRole(channel.id, olga.user.id, "admin"));
  await expectSchema(page(Member), ann.members.list(channel.id, { role: "admin", q: "ol", limit: 1 }));

  // Messages
  const body = { content: "hello", client_id: "c1" };
  const message = await expectSchema(Message, ann.messages.send(channel.id, body));
  expect(await ann.messages.send(channel.id, body)).toEqual(message);
  const reply = await expectSchema(Message, ann.messages.send(channel.id, { content: "hi", reply_to_id: message.id }));
  await expectSchema(Message, ann.messages.get(message.id));
  await expectSchema(Message, ann.messages.edit(message.id, "hello!"));
  await expectSchema(MessagePage, owner.messages.list(channel.id, { around: message.id, limit: 10 }));
  const replies = await expectSchema(page(Message), owner.messages.replies(message.id, { after: null, limit: 10 }));
  expect(replies.data).toEqual([reply]);
  expect((await expectSchema(UnreadCounts, owner.unreadCounts())).total).toBe(2);
  expect(await expectSchema(InRoom, owner.rooms.presence(`channel:${channel.id}`))).toEqual({ count: 0, members: [] });
  expect(await expectSchema(ReadMark, owner.channels.markRead(channel.id, reply.id))).toEqual({
    last_read_id: reply.id,
    last_read_seq: reply.seq,
    unread: 0,
    last_seq: expect.any(Number),
  });
  await expectEmpty(ann.messages.delete(message.id));
  expect(await expectSchema(Message, ann.messages.get(message.id))).toMatchObject({ content: "" });
  await expectEmpty(owner.members.remove(channel.id));
  await expectEmpty(ann.channels.delete(channel.id));

  // Administration
  const bob = await expectSchema(SignedIn, anonymous.auth.register(account("bob")));
  const ban = await expectSchema(Ban, owner.bans.create({ user_id: bob.user.id, reason: "noise", until: null }));
  expect((await expectSchema(page(Ban), owner.bans.list({ limit: 10 }))).data).toEqual([ban]);
  await expectEmpty(owner.bans.lift(ban.id));
  const invite = await expectSchema(RegistrationInvite, owner.invites.create({ max_uses: 2, expires_in: null }));
  expect((await expectSchema(page(RegistrationInvite), owner.invites.list({ after: null }))).data).toEqual([invite]);
  await expectEmpty(owner.invites.remove(invite.id));

  // Signing in and out
  const phone = await expectSchema(
    SignedIn,
    anonymous.auth.login({ username: "anna", password: PASSWORD, device_name: "phone" }),
  );
  await expectSchema(SignedIn, anonymous.auth.login({ email: "ann@example.org", password: PASSWORD }));
  await expectSchema(Refreshed, anonymous.auth.refresh(phone.refresh_token));
  await expectSchema(ConnectionToken, ann.auth.connectionToken());
  const sessions = await expectSchema(Session.array(), ann.auth.sessions());
  const other = sessions.find(({ device_name }) => device_name === "phone");
  await expectEmpty(ann.auth.revokeSession(other?.id ?? ""));
  await expectEmpty(ann.auth.revokeOtherSessions());
  expect(await ann.auth.sessions()).toHaveLength(1);
  await expectEmpty(ann.users.changePassword(PASSWORD, `${PASSWORD} 2`));
  await expectEmpty(anonymous.auth.requestPasswordReset("ann@example.org"));
  const { data } = await waitUntil("the reset link is made", async () => {
    const links = await expectSchema(z.object({ data: ResetLink.array() }), owner.resetLinks());
    return links.data.length > 0 ? links : null;
  });
  await expectEmpty(anonymous.auth.resetPassword(data[0]?.url.split("/").at(-1) ?? "", `${PASSWORD} 3`));
  await expectEmpty(owner.auth.logout());
  expect(owner.users.me()).rejects.toMatchObject({ code: "unauthenticated", status: 401 });

  // Those of admins have a test of their own.
  const { admin: _, ...calls } = createRest({ url: app.url });
  const untried = listCallNames(calls).filter((name) => !tested.has(name));
  expect(untried).toEqual([]);
});

test("a browser's session cookie is enough to refresh", async () => {
  let cookie = "";
  const onResponse = (response: Response) => {
    cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
  };
  await createRest({ url: app.url, onResponse }).auth.register({
    email: "carl@example.org",
    username: "carl",
    password: PASSWORD,
  });
  const refreshed = createRest({ url: app.url, headers: { cookie, origin: app.url } }).auth.refresh();
  expect((await expectSchema(Refreshed, refreshed)).refresh_token).toBeNull();
});
