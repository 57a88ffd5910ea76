import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { leaseNode } from "./registry.ts";

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
  expect(lease.held()).toBe(true);
  ms = 9_999;
  expect(lease.held()).toBe(true);
  ms = 10_000;
  expect(lease.held()).toBe(false);
  await lease.stop();
});

test("when all numbers are taken it says so", async () => {
  const { sql } = database;
  await sql`
    INSERT INTO nodes SELECT g, gen_random_uuid(), clock_timestamp() FROM generate_series(0, 1023) g
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`;
  expect(leaseNode({ sql, onError })).rejects.toThrow("1,024 node numbers");
});
