import { afterAll, beforeAll, expect, setSystemTime, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import type { Sql } from "../postgres/sql.ts";
import { leaseNode } from "./lease.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

function onError(error: unknown): void {
  throw error;
}

test("nodes that start at once get different numbers", async () => {
  const leases = await Promise.all(Array.from({ length: 12 }, () => leaseNode({ sql: database.sql, onError })));
  expect(new Set(leases.map(({ node }) => node)).size).toBe(12);
  await Promise.all(leases.map((lease) => lease.stop()));
});

test("the number of a node that was not seen for 35 s is free, by the database's clock", async () => {
  const { sql } = database;
  await sql`DELETE FROM nodes`;
  const gone = await leaseNode({ sql, onError });
  await gone.stop();
  const second = await leaseNode({ sql, onError });
  expect(second.node).not.toBe(gone.node);
  await sql`UPDATE nodes SET seen_at = seen_at - interval '36 seconds' WHERE id = ${gone.node}`;
  const third = await leaseNode({ sql, onError });
  expect(third.node).toBe(gone.node);
  await Promise.all([second.stop(), third.stop()]);
});

test("a node that could not renew for 10 s no longer holds its number", async () => {
  let ms = 0;
  const lease = await leaseNode({ sql: database.sql, onError, now: () => ms });
  expect(lease.isHeld()).toBe(true);
  ms = 9_999;
  expect(lease.isHeld()).toBe(true);
  ms = 10_000;
  expect(lease.isHeld()).toBe(false);
  await lease.stop();
});

test("nor does one whose machine slept meanwhile, although the monotonic clock slept too", async () => {
  const lease = await leaseNode({ sql: database.sql, onError, now: () => 0 });
  setSystemTime(Date.now() + 10_000);
  const woken = lease.isHeld();
  await lease.refresh();
  const renewed = lease.isHeld();
  setSystemTime();
  expect([woken, renewed]).toEqual([false, true]);
  await lease.stop();
});

test("a node whose number another process has by now takes another", async () => {
  const { sql } = database;
  const lease = await leaseNode({ sql, onError });
  const { node } = lease;
  await sql`UPDATE nodes SET token = gen_random_uuid() WHERE id = ${node}`;
  await waitUntil("it has another number", () => lease.node !== node);
  expect(lease.isHeld()).toBe(true);
  const [row] = await sql`SELECT count(*)::int AS n FROM nodes WHERE id = ANY (${[node, lease.node]}::int[])`;
  expect(row!.n).toBe(2);
  await lease.stop();
});

test("a database that is unavailable is reported, and the number stays as long as the lease", async () => {
  const { sql } = database;
  const errors: unknown[] = [];
  const lease = await leaseNode({ sql, onError: (error) => errors.push(error) });
  const { node } = lease;
  await sql`ALTER TABLE nodes RENAME TO nodes_away`;
  await waitUntil("a renewal has failed", () => errors.length > 0);
  await sql`ALTER TABLE nodes_away RENAME TO nodes`;
  expect([lease.node, lease.isHeld()]).toEqual([node, true]);
  await lease.stop();
});

test("nodes see each other come, change and go; one that stops in order is gone at once", async () => {
  const { sql } = database;
  await sql`DELETE FROM nodes`;
  const description = { version: "1.2.3", roles: ["edge"], host: "venus", address: "venus:3003" };
  let state = { draining: false, isReceiving: true, connections: 7, lag: 80 };
  const one = await leaseNode({ sql, onError });
  const events: string[] = [];
  one.watch({ joined: ({ node }) => events.push(`joined ${node}`), left: ({ node }) => events.push(`left ${node}`) });
  const two = await leaseNode({ sql, onError, description: description });
  two.reportState(() => state);
  expect(two.liveNodes().map(({ node }) => node)).toEqual([one.node, two.node]);
  await one.refresh();
  state = { draining: true, isReceiving: false, connections: 8, lag: 4_000 };
  await two.refresh();
  await one.refresh();
  const seen = one.liveNodes().find(({ node }) => node === two.node)!;
  expect(seen).toMatchObject({ ...description, ...state });
  expect(seen.rss).toBeGreaterThan(1_000_000);
  expect(Math.abs(Date.now() - seen.started_at.getTime())).toBeLessThan(60_000);
  await two.stop();
  await one.refresh();
  expect(one.liveNodes().map(({ node }) => node)).toEqual([one.node]);
  expect(events).toEqual([`joined ${two.node}`, `left ${two.node}`]);
  await one.stop();
});

test("a node that was not seen for 10 s is no longer counted, and another process under its number is another node", async () => {
  const { sql } = database;
  await sql`DELETE FROM nodes`;
  const one = await leaseNode({ sql, onError });
  const dead = await leaseNode({ sql, onError: () => {} });
  const events: string[] = [];
  await one.refresh();
  one.watch({ joined: ({ node }) => events.push(`joined ${node}`), left: ({ node }) => events.push(`left ${node}`) });
  await sql`UPDATE nodes SET token = gen_random_uuid(), seen_at = clock_timestamp() WHERE id = ${dead.node}`;
  await one.refresh();
  await sql`UPDATE nodes SET seen_at = clock_timestamp() - interval '10.1 s' WHERE id = ${dead.node}`;
  await one.refresh();
  expect(events).toEqual([`left ${dead.node}`, `joined ${dead.node}`, `left ${dead.node}`]);
  await Promise.all([one.stop(), dead.stop()]);
});

test("when all numbers are in use it says so", async () => {
  const { sql } = database;
  await sql`
    INSERT INTO nodes SELECT g, gen_random_uuid(), clock_timestamp() FROM generate_series(0, 1023) g
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`;
  expect(leaseNode({ sql, onError })).rejects.toThrow("1,024 node numbers");
});

test("however often a refresh is requested while the database does not respond, one renewal follows", async () => {
  const { sql } = database;
  await sql`DELETE FROM nodes`;
  let renewals = 0;
  let gate = Promise.resolve();
  const slow = ((text: TemplateStringsArray, ...values: unknown[]) => {
    if (!text[0]!.includes("UPDATE nodes")) return sql(text, ...values);
    renewals++;
    return gate.then(() => sql(text, ...values));
  }) as unknown as Sql;
  const lease = await leaseNode({ sql: slow, onError });
  const frozen = Promise.withResolvers<void>();
  gate = frozen.promise;
  const all = [lease.refresh()];
  await waitUntil("a renewal is under way", () => renewals === 1);
  for (let asked = 0; asked < 50; asked++) all.push(lease.refresh());
  frozen.resolve();
  await Promise.all(all);
  expect(renewals).toBe(2);
  await lease.stop();
});
