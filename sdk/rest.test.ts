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
import { fits, isEmpty, namesOf, watched } from "../tests/support/rest-calls.ts";
import { waitUntil } from "../tests/support/wait-until.ts";
import { createRest, type Rest } from "./rest.ts";

setDefaultTimeout(60_000);

let app: TestApp;
const InRoom = Presence.omit({ room: true });

/** Names of the calls that have answered, as in `channels.create`. */
const answered = new Set<string>();
const PASSWORD = "correct horse battery staple";

beforeAll(async () => {
  app = await startTestApp();
}, 60_000);
afterAll(() => app.close());

/** The REST calls of somebody with this token. */
function restOf(getToken: () => string | null): Rest {
  return watched(createRest({ url: app.url, getToken }), answered);
}

test("every call answers as it is typed, and its type is the one of the server's schema", async () => {
  const nobody = restOf(() => null);
  expect((await fits(Meta, nobody.meta())).set_up).toBe(false);
  const account = (username: string) => ({ email: `${username}@example.org`, username, password: PASSWORD });
  const more = { name: "Olga", phone: "+49 30 123456" };
  const olga = await fits(SignedIn, nobody.auth.register({ ...account("olga"), ...more }));
  const { access_token, user } = await fits(SignedIn, nobody.auth.register(account("ann")));
  const [owner, ann] = [restOf(() => olga.access_token), restOf(() => access_token)];

  // People
  await fits(Me, ann.users.me());
  await fits(Me, ann.users.updateMe({ name: "Ann A.", username: "anna", phone: null }));
  await fits(PublicUser, ann.users.get(olga.user.id));
  const byName = await fits(page(PublicUser), ann.users.list({ q: "ol", limit: 1 }));
  expect(byName.data.map(({ username }) => username)).toEqual(["olga"]);
  const byIds = await fits(
    page(PublicUser),
    ann.users.list({ ids: [olga.user.id, user.id, "nobody", "auth0|5f7c,x%2C"] }),
  );
  expect(byIds.data).toHaveLength(2);

  // Channels and members
  const topic = "Anything";
  const channel = await fits(
    Channel,
    ann.channels.create({ type: "public", name: "talk", topic, member_ids: [] }, "k1"),
  );
  expect(await ann.channels.create({ type: "public", name: "talk", topic, member_ids: [] }, "k1")).toEqual(channel);
  const direct = await fits(Channel, ann.channels.create({ type: "direct", member_ids: [olga.user.id] }));
  expect(direct.peer?.username).toBe("olga");
  await fits(Channel, owner.channels.get(channel.id));
  await fits(Channel, ann.channels.update(channel.id, { name: "the talk", topic: null }));
  const list = await fits(ChannelPage, owner.channels.list({ scope: "public", type: "public", q: "TALK", limit: 1 }));
  expect(list.data.map(({ role }) => role)).toEqual([null]);
  await fits(Member.optional(), owner.members.add(channel.id));
  expect(await fits(Member.optional(), owner.members.add(channel.id))).toBeUndefined();
  await fits(Member, ann.members.setRole(channel.id, olga.user.id, "admin"));
  await fits(page(Member), ann.members.list(channel.id, { role: "admin", q: "ol", limit: 1 }));

  // Messages
  const body = { content: "hello", client_id: "c1" };
  const message = await fits(Message, ann.messages.send(channel.id, body));
  expect(await ann.messages.send(channel.id, body)).toEqual(message);
  const reply = await fits(Message, ann.messages.send(channel.id, { content: "hi", reply_to_id: message.id }));
  await fits(Message, ann.messages.get(message.id));
  await fits(Message, ann.messages.edit(message.id, "hello!"));
  await fits(MessagePage, owner.messages.list(channel.id, { around: message.id, limit: 10 }));
  const replies = await fits(page(Message), owner.messages.replies(message.id, { after: null, limit: 10 }));
  expect(replies.data).toEqual([reply]);
  expect((await fits(UnreadCounts, owner.unreadCounts())).total).toBe(2);
  expect(await fits(InRoom, owner.rooms.presence(`channel:${channel.id}`))).toEqual({ count: 0, members: [] });
  expect(await fits(ReadMark, owner.channels.markRead(channel.id, reply.id))).toEqual({
    last_read_id: reply.id,
    last_read_seq: reply.seq,
    unread: 0,
    last_seq: expect.any(Number),
  });
  await isEmpty(ann.messages.delete(message.id));
  expect(await fits(Message, ann.messages.get(message.id))).toMatchObject({ content: "" });
  await isEmpty(owner.members.remove(channel.id));
  await isEmpty(ann.channels.delete(channel.id));

  // Looking after the server
  const bob = await fits(SignedIn, nobody.auth.register(account("bob")));
  const ban = await fits(Ban, owner.bans.create({ user_id: bob.user.id, reason: "noise", until: null }));
  expect((await fits(page(Ban), owner.bans.list({ limit: 10 }))).data).toEqual([ban]);
  await isEmpty(owner.bans.lift(ban.id));
  const invite = await fits(RegistrationInvite, owner.invites.create({ max_uses: 2, expires_in: null }));
  expect((await fits(page(RegistrationInvite), owner.invites.list({ after: null }))).data).toEqual([invite]);
  await isEmpty(owner.invites.remove(invite.id));

  // Signing in and out
  const phone = await fits(SignedIn, nobody.auth.login({ username: "anna", password: PASSWORD, device_name: "phone" }));
  await fits(SignedIn, nobody.auth.login({ email: "ann@example.org", password: PASSWORD }));
  await fits(Refreshed, nobody.auth.refresh(phone.refresh_token));
  await fits(ConnectionToken, ann.auth.connectionToken());
  const sessions = await fits(Session.array(), ann.auth.sessions());
  const other = sessions.find(({ device_name }) => device_name === "phone");
  await isEmpty(ann.auth.revokeSession(other?.id ?? ""));
  await isEmpty(ann.auth.revokeOtherSessions());
  expect(await ann.auth.sessions()).toHaveLength(1);
  await isEmpty(ann.users.changePassword(PASSWORD, `${PASSWORD} 2`));
  await isEmpty(nobody.auth.requestPasswordReset("ann@example.org"));
  const { data } = await waitUntil("the reset link is made", async () => {
    const links = await fits(z.object({ data: ResetLink.array() }), owner.resetLinks());
    return links.data.length > 0 ? links : null;
  });
  await isEmpty(nobody.auth.resetPassword(data[0]?.url.split("/").at(-1) ?? "", `${PASSWORD} 3`));
  await isEmpty(owner.auth.logout());
  expect(owner.users.me()).rejects.toMatchObject({ code: "unauthenticated", status: 401 });

  // Those of admins have a test of their own.
  const { admin: _, ...calls } = createRest({ url: app.url });
  const untried = namesOf(calls).filter((name) => !answered.has(name));
  expect(untried).toEqual([]);
});

test("a browser's session cookie is enough to refresh", async () => {
  let cookie = "";
  const onResponse = (answer: Response) => {
    cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie;
  };
  await createRest({ url: app.url, onResponse }).auth.register({
    email: "carl@example.org",
    username: "carl",
    password: PASSWORD,
  });
  const refreshed = createRest({ url: app.url, headers: { cookie, origin: app.url } }).auth.refresh();
  expect((await fits(Refreshed, refreshed)).refresh_token).toBeNull();
});
