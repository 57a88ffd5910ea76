import { setTimeout as sleep } from "node:timers/promises";
import Postgrator from "postgrator";
import { StartError } from "../../config/start-error.ts";
import { openDatabase } from "./pool.ts";
import type { ISql } from "./sql.ts";

/** A numbered set of SQL files, NNN.do.name.sql and NNN.undo.name.sql, and the table that remembers which ran. */
export interface MigrationSet {
  folder: string;
  table: string;
}

/** One number of a set, as `status` lists it. */
export interface MigrationState {
  version: number;
  name: string;
  applied: boolean;
}

/** Any number, but the same in every Usher: two nodes that start at once take turns. */
const ADVISORY_LOCK_ID = 7_308_604_759;
/** How often a node that waits for the migrations checks, in ms. */
const POLL_MS = 1_000;

/** Applies what is missing. Returns the names of what it applied, oldest first. A newer schema is left as it is. */
export function migrateUp(url: string, set: MigrationSet): Promise<string[]> {
  return withPostgrator(url, set, async (postgrator) => {
    const target = (await postgrator.getMigrations()).reduce((max, { version }) => Math.max(max, version), 0);
    if (target <= (await postgrator.getDatabaseVersion())) {
      await postgrator.validateMigrations(target);
      return [];
    }
    return listTitles(await postgrator.migrate(String(target)));
  });
}

/** Undoes the newest `count`. Returns their names, newest first. */
export function migrateDown(url: string, set: MigrationSet, count: number): Promise<string[]> {
  return withPostgrator(url, set, async (postgrator) => {
    const applied = (await listStates(postgrator)).filter((state) => state.applied);
    if (applied.length === 0) return [];
    return listTitles(await postgrator.migrate(String(applied.at(-1 - count)?.version ?? 0)));
  });
}

/**
 * For a node that does not migrate: resolves when all of the set is applied.
 *
 * @param timeoutMs ms to wait for that; then a StartError
 * @param onWait called once with what is missing
 */
export async function waitForMigrations(
  url: string,
  set: MigrationSet,
  timeoutMs: number,
  onWait: (missing: readonly string[]) => void,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (let isReported = false; ; isReported = true) {
    const missing = (await migrationStatus(url, set)).filter(({ applied }) => !applied).map(formatTitle);
    if (missing.length === 0) return;
    if (!isReported) onWait(missing);
    if (performance.now() > until) {
      throw new StartError(
        `The database lacks ${missing.length === 1 ? "a migration" : `${missing.length} migrations`}, from "${missing[0]}" on, ` +
          'and MIGRATE_ON_START is false. Run "npm run migrate -- up", then start again.',
      );
    }
    await sleep(Math.min(POLL_MS, timeoutMs));
  }
}

/** Lists every number of the set and whether it is applied. */
export function migrationStatus(url: string, set: MigrationSet): Promise<MigrationState[]> {
  return withPostgrator(url, set, listStates);
}

async function listStates(postgrator: Postgrator): Promise<MigrationState[]> {
  const migrations = await postgrator.getMigrations();
  const current = await postgrator.getDatabaseVersion();
  return migrations
    .filter(({ action }) => action === "do")
    .sort((a, b) => a.version - b.version)
    .map(({ version, name }) => ({ version, name, applied: version <= current }));
}

function listTitles(migrations: Postgrator.Migration[]): string[] {
  return migrations.map(formatTitle);
}

function formatTitle({ version, name }: { version: number; name: string }): string {
  return `${String(version).padStart(3, "0")} ${name}`;
}

async function withPostgrator<T>(
  url: string,
  set: MigrationSet,
  work: (postgrator: Postgrator) => Promise<T>,
): Promise<T> {
  const database = openDatabase(url, { max: 1, name: "usher migrate", timeoutMs: null });
  try {
    return await database.sql.reserve(async (connection) => {
      await connection`SELECT pg_advisory_lock(${ADVISORY_LOCK_ID})`;
      return work(createPostgrator(connection, set));
    });
  } catch (error) {
    throw explainChecksumError(error);
  } finally {
    await database.close();
  }
}

/** Each file runs in one transaction with the row that records it: postgrator sends that row right after the file. */
function createPostgrator(connection: ISql, set: MigrationSet): Postgrator {
  let inMigration: string | null = null;
  const postgrator = new Postgrator({
    driver: "pg",
    migrationPattern: `${set.folder}/*.sql`,
    schemaTable: set.table,
    currentSchema: "public",
    execSqlScript: async (script) => {
      await connection.unsafe("BEGIN");
      await connection.unsafe(script);
    },
    execQuery: async (query) => {
      const rows = [...(await connection.unsafe(query))];
      if (inMigration !== null) {
        await connection.unsafe("COMMIT");
        inMigration = null;
      }
      return { rows };
    },
  });
  postgrator.on("migration-started", ({ filename }) => {
    inMigration = filename;
  });
  return postgrator;
}

function explainChecksumError(error: unknown): unknown {
  const changed = error instanceof Error ? /^MD5 checksum failed for migration \[(\d+)\]/.exec(error.message) : null;
  if (!changed) return error;
  return new StartError(
    `Migration ${changed[1]} was changed after it was applied to this database. ` +
      `Put the file back as it was, and write the change as a new migration ("npm run migrate -- create NAME").`,
  );
}
