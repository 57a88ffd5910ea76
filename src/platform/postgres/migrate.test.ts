import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../../tests/support/postgres.ts";
import { waitUntil } from "../../../tests/support/wait-until.ts";
import { type MigrationSet, migrateDown, migrateUp, migrationStatus, waitForMigrations } from "./migrate.ts";
import { MIGRATIONS } from "./migration-sets.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

let folders: string[] = [];
afterEach(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
  folders = [];
});

function makeSet(table: string, files: Record<string, string>): MigrationSet {
  const folder = mkdtempSync(join(tmpdir(), "usher-migrations-"));
  folders.push(folder);
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return { folder, table };
}

/** Everything that the migrations make, by name and definition. */
async function schema(): Promise<string[]> {
  const rows = await db.sql<{ line: string }[]>`
    SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default) AS line
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    ORDER BY 1`;
  return rows.map(({ line }) => line).filter((line) => !line.includes("schema_"));
}

test("the schema goes down to nothing, step by step, and up again to the same", async () => {
  const whole = await schema();
  const states = await migrationStatus(db.url, MIGRATIONS);
  expect(states.every(({ applied }) => applied)).toBe(true);
  for (const { version } of states.toReversed()) {
    const [undone] = await migrateDown(db.url, MIGRATIONS, 1);
    expect(Number.parseInt(undone ?? "", 10)).toBe(version);
  }
  expect(await schema()).toEqual([]);
  expect(await migrateUp(db.url, MIGRATIONS)).toHaveLength(states.length);
  expect(await schema()).toEqual(whole);
  expect(await migrateUp(db.url, MIGRATIONS)).toEqual([]);
});

test("a migration that fails leaves nothing, and those before it stay", async () => {
  const set = makeSet("fails", {
    "001.do.one.sql": "CREATE TABLE one (n int);",
    "002.do.two.sql": "CREATE TABLE two (n int); SELECT 1 / 0;",
  });
  await expect(migrateUp(db.url, set)).rejects.toThrow("division by zero");
  const [row] = await db.sql`SELECT to_regclass('one') AS one, to_regclass('two') AS two`;
  expect(row).toEqual({ one: "one", two: null });
  expect((await migrationStatus(db.url, set)).map(({ applied }) => applied)).toEqual([true, false]);
});

test("a migration that was changed after it ran is refused with what to do", async () => {
  const set = makeSet("changes", { "001.do.a.sql": "SELECT 1;" });
  await migrateUp(db.url, set);
  writeFileSync(join(set.folder, "001.do.a.sql"), "SELECT 2;");
  await expect(migrateUp(db.url, set)).rejects.toThrow("Migration 1 was changed after it was applied");
});

test("a schema newer than the code is left as it is: the newer version runs beside us", async () => {
  const files = {
    "001.do.a.sql": "SELECT 1;",
    "002.do.b.sql": "CREATE TABLE newer (n int);",
    "002.undo.b.sql": "DROP TABLE newer;",
  };
  const set = makeSet("newer_than_code", files);
  await migrateUp(db.url, set);
  rmSync(join(set.folder, "002.do.b.sql"));
  expect(await migrateUp(db.url, set)).toEqual([]);
  const [row] = await db.sql`SELECT to_regclass('newer') AS newer`;
  expect(row).toEqual({ newer: "newer" });
});

test("the statements of a migration may take longer than the application's", async () => {
  const set = makeSet("slow", {
    "001.do.a.sql": "CREATE TABLE limits AS SELECT current_setting('transaction_timeout') AS timeout;",
  });
  await migrateUp(db.url, set);
  const [ours] = await db.sql`SELECT timeout FROM limits`;
  const [theirs] = await db.sql`SELECT current_setting('transaction_timeout') AS timeout`;
  expect([ours!.timeout, theirs!.timeout]).toEqual(["0", "30s"]);
});

test("a node that does not migrate waits for one that does, says so once, and ends with an error when none comes", async () => {
  const set = makeSet("waited_for", {
    "001.do.one.sql": "CREATE TABLE waited (id int)",
    "001.undo.one.sql": "DROP TABLE waited",
  });
  const reported: (readonly string[])[] = [];
  await expect(waitForMigrations(db.url, set, 50, () => {})).rejects.toThrow(
    'The database lacks a migration, from "001 one" on, and MIGRATE_ON_START is false. Run "npm run migrate -- up", then start again.',
  );
  const waiting = waitForMigrations(db.url, set, 60_000, (missing) => reported.push(missing));
  await waitUntil("it waits", () => reported.length > 0);
  await migrateUp(db.url, set);
  await waiting;
  expect(reported).toEqual([["001 one"]]);
});
