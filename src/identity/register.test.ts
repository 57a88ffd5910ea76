import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { RATE_LIMITS } from "./stored-rate-limiter.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

let node: IdentityNode;
afterEach(() => node.close());

const newAccount = (n: number) => ({ email: `u${n}@example.org`, username: `user${n}`, password: "correct horse" });

async function countRoles(): Promise<Record<string, number>> {
  const rows = await node.sql<{ role: string; n: number }[]>`SELECT role, count(*)::int AS n FROM users GROUP BY role`;
  return Object.fromEntries(rows.map(({ role, n }) => [role, n]));
}

async function race(count: number, more: Record<string, unknown> = {}) {
  const responses = await Promise.all(
    Array.from({ length: count }, (_, n) => node.call("POST", "/auth/register", { ...newAccount(n), ...more })),
  );
  return responses.map(({ status, body }) => (status === 201 ? body.user.role : body.code)).sort();
}

test("of 20 racing registrations exactly one creates the owner, the others are members where registration is open", async () => {
  node = await startIdentityNode();
  expect(await node.identity.registration(true)).toMatchObject({ owner_exists: false, mode: "open" });
  expect(await race(20)).toEqual([...Array(19).fill("member"), "owner"]);
  expect(await countRoles()).toEqual({ owner: 1, member: 19 });
  expect(await node.identity.registration(true)).toMatchObject({ owner_exists: true, mode: "open" });
});

test("of 20 racing registrations exactly one succeeds where registration is closed: the owner", async () => {
  node = await startIdentityNode({ REGISTRATION: "closed" });
  expect(await race(20)).toEqual(["owner", ...Array(19).fill("registration_closed")]);
  expect(await countRoles()).toEqual({ owner: 1 });
});

test("without a code only the owner can register where registration needs an invitation", async () => {
  node = await startIdentityNode({ REGISTRATION: "invite" });
  expect(await race(20)).toEqual([...Array(19).fill("invite_needed"), "owner"]);
});

test("a code for three uses admits exactly three of 12 racing registrations", async () => {
  node = await startIdentityNode({ REGISTRATION: "invite" });
  const { token } = await node.register("owner");
  const invite = await node.call("POST", "/registration-invites", { max_uses: 3 }, { token });
  expect(invite.status).toBe(201);
  expect(invite.body.url).toBe(`http://localhost:3003/register?invite=${invite.body.code}`);
  const outcome = await race(12, { invite_code: invite.body.code });
  expect(outcome).toEqual([...Array(9).fill("invite_needed"), "member", "member", "member"]);
  const list = await node.call("GET", "/registration-invites", undefined, { token });
  expect(list.body.data).toMatchObject([{ id: invite.body.id, uses: 3, max_uses: 3 }]);
});

test("an expired or removed code admits no one; a registration that fails returns its use", async () => {
  node = await startIdentityNode({ REGISTRATION: "invite" });
  const { token } = await node.register("owner");
  const { body: invite } = await node.call("POST", "/registration-invites", {}, { token });
  const taken = await node.call("POST", "/auth/register", {
    ...newAccount(1),
    email: "OWNER@example.org",
    invite_code: invite.code,
  });
  expect(taken.body.code).toBe("email_taken");
  const [row] = await node.sql`SELECT uses FROM registration_invites`;
  expect(row!.uses).toBe(0);

  await node.sql`UPDATE registration_invites SET expires_at = now() - interval '1 second'`;
  const late = await node.call("POST", "/auth/register", { ...newAccount(1), invite_code: invite.code });
  expect(late.body.code).toBe("invite_needed");
  await node.sql`UPDATE registration_invites SET expires_at = NULL`;
  expect((await node.call("DELETE", `/registration-invites/${invite.id}`, undefined, { token })).status).toBe(204);
  const removed = await node.call("POST", "/auth/register", { ...newAccount(1), invite_code: invite.code });
  expect(removed.body.code).toBe("invite_needed");
});

test("invites are for admins and the owner", async () => {
  node = await startIdentityNode();
  await node.register("owner");
  const { token } = await node.register("member");
  expect((await node.call("POST", "/registration-invites", {}, { token })).body.code).toBe("forbidden");
  expect((await node.call("GET", "/registration-invites", undefined, { token })).body.code).toBe("forbidden");
  expect((await node.call("GET", "/registration-invites")).body.code).toBe("unauthenticated");
});

test("addresses and names are unique in any case and width", async () => {
  node = await startIdentityNode();
  await node.register("Ann");
  const address = await node.call("POST", "/auth/register", { ...newAccount(1), email: "ANN@Example.org" });
  expect([address.status, address.body.code]).toEqual([409, "email_taken"]);
  for (const username of ["ann", "ANN", "Ａｎｎ"]) {
    const name = await node.call("POST", "/auth/register", { ...newAccount(1), username });
    expect([name.status, name.body.code]).toEqual([409, "username_taken"]);
  }
});

test("the response signs in: tokens, a cookie for browsers, and no hash of the password", async () => {
  node = await startIdentityNode();
  const { status, body, headers } = await node.call("POST", "/auth/register", { ...newAccount(1), name: "One" });
  expect(status).toBe(201);
  expect(Object.keys(body).sort()).toEqual(["access_token", "expires_in", "refresh_token", "user"]);
  expect(body.user).toMatchObject({
    username: "user1",
    name: "One",
    email: "u1@example.org",
    role: "owner",
    phone: null,
  });
  expect(body.expires_in).toBe(900);
  expect(headers.get("set-cookie")).toMatch(
    /^usher_session=[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/,
  );
  expect((await node.call("GET", "/users/me", undefined, { token: body.access_token })).body).toEqual(body.user);
  const [row] = await node.sql`SELECT password_hash FROM users`;
  expect(row!.password_hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  expect(node.lines.join("")).not.toContain("correct horse");
});

test("wrong values are named by field", async () => {
  node = await startIdentityNode();
  const { status, body } = await node.call("POST", "/auth/register", {
    email: "no address",
    username: "a b",
    password: "short",
    role: "owner",
  });
  expect(status).toBe(422);
  expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
    "/email",
    "/password",
    "/role",
    "/username",
  ]);
});

test("an address that guesses set-up codes is soon refused, with the right one too; another address is not", async () => {
  node = await startIdentityNode({ REGISTRATION: "closed" });
  const code = await node.identity.setupCode();
  const attempt = (setup_code: string | null, address = "198.51.100.1") =>
    node.call("POST", "/auth/register", { ...newAccount(1), setup_code }, { isLocal: false, address });
  for (let n = 0; n < RATE_LIMITS.register.attempts; n++)
    expect((await attempt(`AAAA-${n}`)).body.code).toBe("setup_code_needed");
  expect((await attempt(code)).body.code).toBe("rate_limited");
  expect((await attempt(code, "198.51.100.2")).body.user.role).toBe("owner");
  expect(await node.identity.setupCode()).toBeNull();
  expect(
    (await node.call("POST", "/auth/register", { ...newAccount(2), setup_code: code }, { isLocal: false })).body.code,
  ).toBe("registration_closed");
});

test("all nodes have the same set-up code, and each server another one", async () => {
  node = await startIdentityNode();
  const code = await node.identity.setupCode();
  expect(code).toMatch(/^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/);
  expect(await node.makeNode().identity.setupCode()).toBe(code);
  const other = await startIdentityNode();
  expect(await other.identity.setupCode()).not.toBe(code);
  await other.close();
});
