import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { SignJWT } from "jose";
import { errorCode } from "../../tests/support/error-code.ts";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { raceOnLockedRow } from "../../tests/support/race-on-locked-row.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

const SECRET = "a secret of more than thirty-two bytes";
let node: IdentityNode;
let owner: Awaited<ReturnType<IdentityNode["register"]>>;
let people = 0;
beforeAll(async () => {
  node = await startIdentityNode({ JWT_SECRET: SECRET });
  owner = await node.register("owner");
});
afterAll(() => node.close());
beforeEach(() => {
  node.closed.length = 0;
});

const newcomer = () => node.register(`person${++people}`);
const ban = (user_id: string, more: Record<string, unknown> = {}, token = owner.token) =>
  node.call("POST", "/admin/bans", { user_id, reason: "noise", ...more }, { token });
const far = () =>
  new SignJWT({ sub: "far" })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("10m")
    .sign(new TextEncoder().encode(SECRET));

test("a banned person is out at once, on every transport, and stays out until the ban is lifted", async () => {
  const person = await newcomer();
  const caller = await node.identity.authenticate(person.token, "connect");
  const { status, body } = await ban(person.id);
  expect(status).toBe(201);
  expect(body).toMatchObject({ user_id: person.id, username: `person${people}`, reason: "noise", until: null });
  expect(node.closed).toEqual([{ user: person.id, reason: "banned" }]);
  expect(node.identity.isCurrent(caller)).toBeFalse();
  expect(await errorCode(node.identity.authenticate(person.token, "connect"))).toBe("unauthenticated");
  expect(await errorCode(node.identity.authenticateCookie(person.cookie))).toBe("unauthenticated");
  const refreshed = await node.call("POST", "/auth/refresh", { refresh_token: person.refresh });
  expect(refreshed.body.code).toBe("refresh_invalid");
  const login = await node.login(`person${people}`);
  expect([login.status, login.body.code]).toEqual([403, "banned"]);
  expect((await node.login(`person${people}`, "wrong horse")).body.code).toBe("invalid_credentials");

  const as = { token: owner.token };
  expect((await node.call("GET", "/admin/bans", undefined, as)).body.data[0]).toEqual(body);
  expect((await node.call("DELETE", `/admin/bans/${body.id}`, undefined, as)).status).toBe(204);
  expect((await node.call("DELETE", `/admin/bans/${body.id}`, undefined, as)).status).toBe(204);
  expect((await node.login(`person${people}`)).status).toBe(200);
  const [row] = await node.sql`SELECT lifted_by FROM bans WHERE id = ${body.id}`;
  expect(row!.lifted_by).toBe(owner.id);
});

test("a banned person of another issuer cannot connect with their token, and can again afterwards", async () => {
  const token = await far();
  const before = await node.identity.authenticate(token, "connect");
  const { body } = await ban("far");
  expect(node.identity.isCurrent(before)).toBeFalse();
  expect(node.closed).toEqual([{ user: "far", reason: "banned" }]);
  expect(await errorCode(node.identity.authenticate(token, "connect"))).toBe("banned");
  expect((await node.call("GET", "/users/me", undefined, { token })).body.code).toBe("banned");
  await node.call("DELETE", `/admin/bans/${body.id}`, undefined, { token: owner.token });
  const caller = await node.identity.authenticate(token, "connect");
  expect(node.identity.isCurrent(caller)).toBeTrue();
});

test("a ban ends by itself at `until`, by the database's clock", async () => {
  const person = await newcomer();
  const { body } = await ban(person.id, { until: new Date(Date.now() + 3_600_000).toISOString() });
  expect((await node.login(`person${people}`)).body.code).toBe("banned");
  await node.sql`UPDATE bans SET until = now() - interval '1 second' WHERE id = ${body.id}`;
  expect((await node.login(`person${people}`)).status).toBe(200);
  const { body: list } = await node.call("GET", "/admin/bans", undefined, { token: owner.token });
  expect(list.data.map(({ id }: { id: string }) => id)).not.toContain(body.id);
});

test("a sign-in in progress during the ban is refused", async () => {
  const person = await newcomer();
  const [login] = await raceOnLockedRow(
    node.sql,
    { table: "users", id: person.id },
    () => [node.login(`person${people}`)],
    async (tx) => tx`
      INSERT INTO bans (id, user_id, reason, created_by) VALUES ('4711', ${person.id}, 'noise', ${owner.id})`,
  );
  expect(login!.body.code).toBe("banned");
  await node.sql`DELETE FROM bans WHERE id = '4711'`;
});

test("a ban that waits for a sign-in ends its session", async () => {
  const person = await newcomer();
  const [login, response] = await raceOnLockedRow(node.sql, { table: "users", id: person.id }, () => [
    node.login(`person${people}`),
    ban(person.id),
  ]);
  expect(response!.status).toBe(201);
  expect(await node.sql`SELECT FROM sessions WHERE user_id = ${person.id}`).toHaveLength(0);
  if (login!.status !== 200) expect(login!.body.code).toBe("banned");
  else expect(await errorCode(node.identity.authenticate(login!.body.access_token, "api"))).toBe("unauthenticated");
});

test("a change of one's own data in progress during the ban does not restore access", async () => {
  const person = await newcomer();
  const caller = await node.identity.authenticate(person.token, "connect");
  const [banned, changed] = await raceOnLockedRow(node.sql, { table: "users", id: person.id }, () => [
    ban(person.id),
    (async () => {
      await waitUntil("the ban waits", async () => {
        const [row] = await node.sql`
          SELECT count(*)::int AS n FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`;
        return row!.n === 1;
      });
      return node.call("PATCH", "/users/me", { name: "Late" }, { token: person.token });
    })(),
  ]);
  expect([banned!.status, changed!.status]).toEqual([201, 200]);
  expect(node.identity.isCurrent(caller)).toBeFalse();
});

test("a handshake from before a ban does not pass after it was lifted: its session ended for good", async () => {
  const person = await newcomer();
  const caller = await node.identity.authenticate(person.token, "connect");
  const { body } = await ban(person.id);
  await node.call("DELETE", `/admin/bans/${body.id}`, undefined, { token: owner.token });
  expect(node.identity.isCurrent(caller)).toBeFalse();
});

test("only admins ban, not themselves nor a user of their rank or above, and only who exists", async () => {
  const member = await newcomer();
  const peer = await newcomer();
  const admin = await newcomer();
  await node.sql`UPDATE users SET role = 'admin' WHERE id IN (${admin.id}, ${peer.id})`;
  const asAdmin = admin.token;
  expect((await ban(owner.id, {}, member.token)).body.code).toBe("forbidden");
  expect((await ban(owner.id, {}, asAdmin)).body.code).toBe("forbidden");
  expect((await ban(admin.id, {}, asAdmin)).body.code).toBe("forbidden");
  expect((await ban(peer.id, {}, asAdmin)).body.code).toBe("forbidden");
  expect((await ban(owner.id)).body.code).toBe("forbidden");
  expect((await ban("unknown")).body.code).toBe("not_found");
  expect((await ban(member.id, { until: "2020-01-01T00:00:00.000Z" })).body.code).toBe("invalid");
  expect((await ban(member.id, {}, asAdmin)).status).toBe(201);
  expect((await node.call("GET", "/admin/bans")).body.code).toBe("unauthenticated");
});

test("no admin lifts a ban of a user of their own rank; the owner does", async () => {
  const [member, one, other] = [await newcomer(), await newcomer(), await newcomer()];
  await node.sql`UPDATE users SET role = 'admin' WHERE id IN (${one.id}, ${other.id})`;
  const admin = { token: (await node.login(`person${people}`)).body.access_token };
  const lift = (id: string, as = admin) => node.call("DELETE", `/admin/bans/${id}`, undefined, as);
  expect((await lift((await ban(member.id)).body.id)).status).toBe(204);
  const { id } = (await ban(one.id)).body;
  expect((await lift(id)).status).toBe(403);
  expect((await node.login(`person${people - 1}`)).body.code).toBe("banned");
  expect((await lift(id, { token: owner.token })).status).toBe(204);
});

test("bans are listed in pages", async () => {
  for (let n = 0; n < 3; n++) await ban((await newcomer()).id);
  const as = { token: owner.token };
  const first = await node.call("GET", "/admin/bans?limit=2", undefined, as);
  expect(first.body.data).toHaveLength(2);
  expect(first.headers.get("link")).toContain('rel="next"');
  const second = await node.call("GET", `/admin/bans?limit=2&after=${first.body.next}`, undefined, as);
  const ids = [...first.body.data, ...second.body.data].map(({ id }: { id: string }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  // More than a bigint holds.
  for (const list of ["/admin/bans", "/registration-invites"]) {
    expect((await node.call("GET", `${list}?after=9999999999999999999`, undefined, as)).body.code).toBe("invalid");
  }
});
