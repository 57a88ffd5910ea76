import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";
import type { LogEntry } from "../platform/log/entry.ts";

let node: IdentityNode;
let owner: Awaited<ReturnType<IdentityNode["register"]>>;
beforeAll(async () => {
  node = await startIdentityNode();
  owner = await node.register("owner");
});
afterAll(() => node.close());
beforeEach(() => {
  node.closed.length = 0;
  node.renamed.length = 0;
  node.connected.length = 0;
});

/** The changes so far, as a node reads them from the log. */
async function readEntries(): Promise<LogEntry[]> {
  return node.sql<LogEntry[]>`
    SELECT r.name AS room, l.seq::float8 AS seq, l.type, l.payload FROM log l JOIN rooms r ON r.id = l.room_id
    WHERE r.name = '_identity' ORDER BY l.seq`;
}

function show(entries: readonly LogEntry[]): void {
  for (const entry of entries) for (const watcher of node.watchers) watcher.entry(entry);
}

test("a ban that is read again after it was lifted closes nothing, in whatever order the entries arrive", async () => {
  const { id } = await node.register("bob");
  const before = (await readEntries()).length;
  const ban = await node.call("POST", "/admin/bans", { user_id: id, reason: "spam" }, { token: owner.token });
  await node.call("DELETE", `/admin/bans/${ban.body.id}`, undefined, { token: owner.token });
  expect(node.closed).toEqual([{ user: id, reason: "banned" }]);
  const again = await node.login("bob");
  const caller = await node.identity.authenticate(again.body.access_token, "api");
  const entries = (await readEntries()).slice(before);
  expect(entries.map(({ type }) => type)).toEqual(["person:ended", "person:readmitted"]);
  show(entries);
  show(entries.toReversed());
  expect(node.closed).toHaveLength(1);
  expect(node.identity.isCurrent(caller)).toBe(true);
});

test("no entry is written when nothing has changed, and none contains a name", async () => {
  const { token, id } = await node.register("dan");
  const before = (await readEntries()).length;
  await node.call("PATCH", "/users/me", { name: "Dan" }, { token });
  await node.call("PATCH", "/users/me", { username: "daniel" }, { token });
  await node.call("DELETE", "/admin/bans/99", undefined, { token: owner.token });
  const entries = (await readEntries()).slice(before);
  expect(entries.map(({ type, payload }) => [type, JSON.parse(payload)])).toEqual([
    ["person:changed", { user_id: id }],
  ]);
});

test("after a gap every open connection is checked: ended ones are closed, and names are updated", async () => {
  const people = await Promise.all(["eva", "fay", "gil", "hal"].map((name) => node.register(name)));
  const callers = await Promise.all(people.map(({ token }) => node.identity.authenticate(token, "api")));
  const [eva, fay, gil, hal] = callers;
  node.connected.push(...callers, eva!);
  // As if another node had done it, and no entry had arrived.
  await node.sql`DELETE FROM sessions WHERE id = ${eva!.sessionId}`;
  await node.sql`
    INSERT INTO bans (id, user_id, reason, created_by) VALUES ('77', ${fay!.userId}, 'spam', ${owner.id})`;
  await node.sql`UPDATE users SET username = 'gilbert', username_key = 'gilbert' WHERE id = ${gil!.userId}`;
  await node.watchers[0]!.interrupted();
  expect(node.closed).toEqual([
    { session: eva!.sessionId!, reason: "signed_out" },
    { user: fay!.userId, reason: "banned" },
  ]);
  expect(node.renamed).toContainEqual({ id: gil!.userId, username: "gilbert" });
  expect(node.identity.authenticate(people[0]!.token, "api")).rejects.toThrow();
  expect(node.identity.authenticate(people[1]!.token, "api")).rejects.toThrow();
  expect((await node.identity.authenticate(people[2]!.token, "api")).username).toBe("gilbert");
  expect(node.identity.isCurrent(hal!)).toBe(true);
});

test("an unavailable database fails the check, so that it is repeated", async () => {
  const { token } = await node.register("ida");
  node.connected.push(await node.identity.authenticate(token, "api"));
  await node.sql`ALTER TABLE sessions RENAME TO sessions_away`;
  expect(await Promise.resolve(node.watchers[0]!.interrupted()).catch(() => "failed")).toBe("failed");
  await node.sql`ALTER TABLE sessions_away RENAME TO sessions`;
  await node.watchers[0]!.interrupted();
  expect(node.closed).toEqual([]);
});
