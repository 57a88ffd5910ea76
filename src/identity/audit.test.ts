import { afterAll, beforeAll, expect, test } from "bun:test";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";
import { recordAudit, SYSTEM, sweepAudit } from "../platform/audit.ts";

let node: IdentityNode;
let owner: Awaited<ReturnType<IdentityNode["register"]>>;
beforeAll(async () => {
  node = await startIdentityNode();
  owner = await node.register("owner");
});
afterAll(() => node.close());

const acts = () => node.sql`SELECT actor, actor_name, action, subject, detail, address FROM audit ORDER BY id`;

test("a ban and its end, an invite and its end are recorded, with actor and address", async () => {
  const { id } = await node.register("troll");
  const as = { token: owner.token, address: "198.51.100.7" };
  const ban = await node.call("POST", "/admin/bans", { user_id: id, reason: "spam" }, as);
  await node.call("DELETE", `/admin/bans/${ban.body.id}`, undefined, as);
  await node.call("DELETE", `/admin/bans/${ban.body.id}`, undefined, as); // changes nothing, so nothing is written
  const invite = await node.call("POST", "/registration-invites", { max_uses: 3, expires_in: null }, as);
  await node.call("DELETE", `/registration-invites/${invite.body.id}`, undefined, as);
  const who = { actor: owner.id, actor_name: "owner", address: "198.51.100.7" };
  expect<unknown>([...(await acts())]).toEqual([
    { ...who, action: "ban:made", subject: `user:${id}`, detail: { ban_id: ban.body.id, until: null } },
    { ...who, action: "ban:lifted", subject: `user:${id}`, detail: { ban_id: ban.body.id } },
    { ...who, action: "invite:made", subject: `invite:${invite.body.id}`, detail: { max_uses: 3, expires_in: null } },
    { ...who, action: "invite:removed", subject: `invite:${invite.body.id}`, detail: {} },
  ]);
});

test("reading the reset links is recorded, if there are any", async () => {
  const { id } = await node.register("forgetful");
  const before = (await acts()).length;
  await node.call("GET", "/admin/password-reset-links", undefined, { token: owner.token });
  expect((await acts()).length).toBe(before);
  await node.call("POST", "/auth/password-reset-requests", { email: "forgetful@example.org" });
  // The link is created after the response, which takes as long for an unknown address.
  const read = () => node.call("GET", "/admin/password-reset-links", undefined, { token: owner.token });
  await waitUntil("the link is there", async () => (await read()).body.data.length > 0);
  expect((await acts()).at(-1)).toMatchObject({ action: "reset-links:read", detail: { user_ids: [id] } });
});

test("an admin ends the sessions of a person, which is recorded, and not those of a user of their own rank", async () => {
  const person = await node.register("lost-phone");
  const end = (id: string, token = owner.token) =>
    node.call("DELETE", `/admin/users/${id}/sessions`, undefined, { token });
  expect((await end(person.id, person.token)).status).toBe(403);
  expect((await end(owner.id)).status).toBe(403);
  expect((await end("unknown")).status).toBe(404);
  expect((await end(person.id)).status).toBe(204);
  expect((await node.call("GET", "/users/me", undefined, { token: person.token })).status).toBe(401);
  expect((await node.login("lost-phone")).status).toBe(200);
  expect((await acts()).at(-1)).toMatchObject({
    action: "sessions:ended",
    subject: `user:${person.id}`,
    detail: { count: 1 },
  });
});

test("an action that fails is not recorded", async () => {
  const before = (await acts()).length;
  await node.call("POST", "/admin/bans", { user_id: owner.id, reason: "me" }, { token: owner.token });
  const failed = node.sql.begin(async (tx) => {
    await recordAudit(tx, SYSTEM, { action: "config:reloaded", subject: "config" });
    throw new Error("it fails afterwards");
  });
  expect(failed).rejects.toThrow("afterwards");
  expect((await acts()).length).toBe(before);
});

test("a person's export contains their actions; once erased, they are an id without name and address", async () => {
  const { id } = await node.register("leaver");
  await node.sql`UPDATE users SET role = 'admin' WHERE id = ${id}`;
  await node.sql`
    INSERT INTO audit (actor, actor_name, action, subject, address) VALUES (${id}, 'leaver', 'ban:made', 'user:1', '::1')`;
  const exported = await node.identity.exportUser(id);
  expect(exported!.acts).toMatchObject([{ action: "ban:made", subject: "user:1", address: "::1" }]);
  await node.identity.erase(id);
  const [act] = await node.sql`SELECT * FROM audit WHERE actor = ${id}`;
  expect(act).toMatchObject({ actor_name: null, address: null, action: "ban:made" });
});

test("audit entries are removed after the retention, and not before", async () => {
  await node.sql`DELETE FROM audit`;
  await node.sql`
    INSERT INTO audit (actor, action, subject, at) VALUES
      ('1', 'ban:made', 'old', now() - interval '2 hours'), ('1', 'ban:made', 'young', now())`;
  await sweepAudit(node.sql, 3_600_000);
  expect((await acts()).map(({ subject }) => subject)).toEqual(["young"]);
});
