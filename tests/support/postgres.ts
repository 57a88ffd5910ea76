import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { migrateUp } from "../../src/platform/postgres/migrate.ts";
import { MIGRATIONS } from "../../src/platform/postgres/migration-sets.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";
import type { Sql } from "../../src/platform/postgres/sql.ts";

export interface TestDatabase {
  url: string;
  sql: Sql;
  close(): Promise<void>;
}

/**
 * A new, migrated database for one test file. `npm test` runs one server for all files and names it in
 * USHER_TEST_POSTGRES; a file that is run alone starts its own, which ends with the process.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = process.env.USHER_TEST_POSTGRES ?? (await ownServer());
  const template = await migratedTemplate(server);
  const name = `test_${randomBytes(6).toString("hex")}`;
  await asAdmin(server, (admin) => admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER usher`));
  const url = databaseUrl(server, name);
  const database = openDatabase(url);
  return {
    url,
    sql: database.sql,
    close: async () => {
      await database.close();
      await asAdmin(server, (admin) => admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

let started: Promise<string> | null = null;

function ownServer(): Promise<string> {
  started ??= (async () => {
    const program = join(import.meta.dirname, "postgres-server.ts");
    const child = Bun.spawn([process.execPath, program], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    child.unref();
    for await (const chunk of child.stdout) return new TextDecoder().decode(chunk).trim();
    throw new Error("The test server did not start.");
  })();
  return started;
}

/** Migrated once per server and per state of the migration files, then copied. */
function migratedTemplate(server: string): Promise<string> {
  const hash = createHash("sha256");
  for (const file of readdirSync(MIGRATIONS.folder).sort()) hash.update(readFileSync(join(MIGRATIONS.folder, file)));
  const template = `template_${hash.digest("hex").slice(0, 16)}`;
  return asAdmin(server, async (admin) => {
    await admin`SELECT pg_advisory_lock(1)`;
    const [known] = await admin`SELECT FROM pg_database WHERE datname = ${template}`;
    if (known) return template;
    const draft = `${template}_draft`;
    await admin.unsafe(`DROP DATABASE IF EXISTS ${draft}`);
    await admin.unsafe(`CREATE DATABASE ${draft} OWNER usher`);
    await migrateUp(databaseUrl(server, draft), MIGRATIONS);
    await admin.unsafe(`ALTER DATABASE ${draft} RENAME TO ${template}`);
    return template;
  });
}

async function asAdmin<T>(server: string, work: (admin: Sql) => Promise<T>): Promise<T> {
  const database = openDatabase(server, { max: 1 });
  try {
    return await work(database.sql);
  } finally {
    await database.close();
  }
}

function databaseUrl(server: string, database: string): string {
  const url = new URL(server);
  url.username = "usher";
  url.pathname = database;
  return url.href;
}
