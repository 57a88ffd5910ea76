import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { errorCode } from "../../tests/support/error-code.ts";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import { waitUntil } from "../../tests/support/wait-until.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

let node: IdentityNode;
let owner: Awaited<ReturnType<IdentityNode["register"]>>;
let ann: Awaited<ReturnType<IdentityNode["register"]>>;
let bob: Awaited<ReturnType<IdentityNode["register"]>>;
beforeAll(async () => {
  node = await startIdentityNode();
  owner = await node.register("owner");
  ann = await node.register("ann", { name: "Ann Low" });
  bob = await node.register("bob_1");
});
afterAll(() => node.close());

const list = (query: string, token = owner.token) => node.call("GET", `/admin/users?${query}`, undefined, { token });
const change = (id: string, body: unknown, token = owner.token) =>
  node.call("PATCH", `/admin/users/${id}`, body, { token });
const names = async (query: string) =>
  (await list(query)).body.data.map(({ username }: { username: string }) => username);
const lastActs = (n: number) => node.sql`SELECT action, subject, detail FROM audit ORDER BY id DESC LIMIT ${n}`;

test("admins find people by a part of address, username or name, by role and by status, page by page", async () => {
  expect(await names("q=NN@exam")).toEqual(["ann"]);
  expect(await names("q=low")).toEqual(["ann"]);
  expect(await names("q=b_1")).toEqual(["bob_1"]);
  expect(await names("q=%25%25")).toEqual([]);
  expect(await names("role=owner")).toEqual(["owner"]);
  expect(await names("status=active")).toEqual(["ann", "bob_1", "owner"]);
  const first = (await list("limit=2")).body;
  expect(first.data).toHaveLength(2);
  expect(await names(`limit=2&after=${first.next}`)).toEqual(["owner"]);
  expect((await list("q=a")).status).toBe(422);
  expect((await list("", ann.token)).status).toBe(403);
  expect((await list("q=ann")).body.data[0]).toMatchObject({
    id: ann.id,
    email: "ann@example.org",
    phone: null,
    role: "member",
    disabled: false,
    banned: false,
  });
});

test("an owner changes roles, which apply at once; an admin cannot", async () => {
  const before = node.renamed.length;
  expect((await change(ann.id, { role: "admin" })).body).toMatchObject({ id: ann.id, role: "admin" });
  await waitUntil("open connections have the new role", () => node.renamed.length === before + 1);
  expect([...(await lastActs(1))]).toEqual([
    { action: "role:changed", subject: `user:${ann.id}`, detail: { from: "member", to: "admin" } },
  ]);
  expect((await list("", ann.token)).status).toBe(200);
  expect((await change(bob.id, { role: "admin" }, ann.token)).status).toBe(403);
  expect((await change(ann.id, { role: "owner" }, ann.token)).status).toBe(403);
  expect((await change(bob.id, { role: "member" }, ann.token)).status).toBe(200); // is one already
  expect((await change("unknown", { role: "admin" })).status).toBe(404);
});

test("the last owner stays owner, also when two make each other members at once, or the other one is disabled", async () => {
  const refused = await change(owner.id, { role: "member" });
  expect([refused.status, refused.body.code]).toEqual([409, "last_owner"]);
  expect((await change(bob.id, { role: "owner" })).status).toBe(200);
  const responses = await Promise.all([
    change(owner.id, { role: "member" }, bob.token),
    change(bob.id, { role: "member" }, owner.token),
  ]);
  expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
  const [{ count }] = (await node.sql`SELECT count(*)::int FROM users WHERE role = 'owner'`) as [{ count: number }];
  expect(count).toBe(1);
  await node.sql`UPDATE users SET role = 'owner' WHERE id IN ${node.sql`(${owner.id}, ${bob.id})`}`;
  await node.sql`UPDATE users SET disabled_at = now() WHERE id = ${bob.id}`;
  expect((await change(owner.id, { role: "member" })).body.code).toBe("last_owner");
  await node.sql`UPDATE users SET role = 'member', disabled_at = NULL WHERE id = ${bob.id}`;
});

test("a disabled person is signed out at once, cannot sign in, and can again once enabled", async () => {
  const cy = await node.register("cy");
  node.closed.length = 0;
  expect((await change(cy.id, { disabled: true })).body).toMatchObject({ disabled: true, banned: false });
  expect(node.closed).toEqual([{ user: cy.id, reason: "banned" }]);
  expect(await errorCode(node.identity.authenticate(cy.token, "connect"))).toBe("unauthenticated");
  expect((await node.call("POST", "/auth/refresh", { refresh_token: cy.refresh })).status).toBe(401);
  const login = await node.login("cy");
  expect([login.body.code, login.body.detail]).toEqual(["banned", "This account is disabled."]);
  expect(await names("status=disabled")).toEqual(["cy"]);
  expect(await names("status=active")).not.toContain("cy");
  expect((await change(cy.id, { disabled: true })).status).toBe(200); // changes nothing, so nothing is written
  expect((await change(cy.id, { disabled: false })).status).toBe(200);
  expect((await node.login("cy")).status).toBe(200);
  expect((await lastActs(2)).map(({ action }) => action)).toEqual(["user:enabled", "user:disabled"]);
  expect((await change(owner.id, { disabled: true })).status).toBe(403);
  expect((await change(ann.id, { disabled: true }, ann.token)).status).toBe(403);
});
