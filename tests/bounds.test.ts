import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createLogReader } from "../src/platform/log/reader.ts";
import type { Sql } from "../src/platform/postgres/sql.ts";
import { BIG, fillTables } from "./support/full-tables.ts";
import { type LogNode, startLogNode } from "./support/log-node.ts";
import { type TestDatabase, testDatabase } from "./support/postgres.ts";
import { rowsRead } from "./support/rows-read.ts";

/** What callers can ask for costs as much as they get, not as much as there is: rows read, by PostgreSQL's own count. */
const ROWS = 20_000;

let database: TestDatabase;
let node: LogNode;
beforeAll(async () => {
  database = await testDatabase();
  node = await startLogNode(database.url);
  await fillTables(database.sql, ROWS);
}, 60_000);
afterAll(async () => {
  await node.stop();
  await database.close();
});

const slices = (sql: Sql, ...asks: [room: string, since: number][]) => {
  const reader = createLogReader({ sql, epoch: node.epoch });
  return Promise.all(asks.map(([room, since]) => reader.slice(room, since)));
};

/** `most`: rows that may be read. */
const QUERIES: { what: string; most: number; ask: (sql: Sql) => Promise<unknown> }[] = [
  { what: "a join from the very first entry", most: 10, ask: (sql) => slices(sql, [BIG.room, 0]) },
  { what: "a join from 1,001 entries ago", most: 10, ask: (sql) => slices(sql, [BIG.room, ROWS - 1_001]) },
  { what: "a join from 1,000 entries ago", most: 1_010, ask: (sql) => slices(sql, [BIG.room, ROWS - 1_000]) },
  { what: "a join from beyond the head", most: 10, ask: (sql) => slices(sql, [BIG.room, ROWS + 1]) },
];

// The planner chooses by statistics, which a table that has just been filled does not have yet.
describe.each([{ when: "without statistics" }, { when: "with statistics" }])("$when", ({ when }) => {
  beforeAll(async () => {
    if (when === "with statistics") await database.sql`ANALYZE`;
  });
  test.each(QUERIES)("$what reads at most $most rows", async ({ most, ask }) => {
    expect(await rowsRead(database.sql, ask)).toBeLessThanOrEqual(most);
  });
});
