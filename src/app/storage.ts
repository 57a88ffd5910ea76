import { migrateUp } from "../platform/postgres/migrate.ts";
import { MIGRATIONS } from "../platform/postgres/migration-sets.ts";
import { openDatabase } from "../platform/postgres/pool.ts";
import { startDatabase } from "../platform/postgres/server.ts";
import type { Program } from "./program.ts";

/** Longest time in ms for a batch of posts: a server that says nothing holds up everybody's for so long and the grace. */
const POSTS_MS = 5_000;

/** PostgreSQL, our own or the one that is named, with the present schema; and the pools. */
export async function startStorage({ config, logger, lifecycle }: Program) {
  const server = await lifecycle.start(
    "postgres",
    () => startDatabase(config, (level, line) => logger[level]({ name: "postgres" }, line)),
    (part) => part.stop(),
    25_000,
  );
  if (config.MIGRATE_ON_START) {
    for (const name of await migrateUp(server.url, MIGRATIONS)) logger.info(`migration applied: ${name}`);
  }
  const main = await lifecycle.start(
    "database",
    () => openDatabase(server.url),
    (part) => part.close(),
  );
  // One batch of posts is under way at a time: on a connection of its own it waits for nothing, and its plans stay warm.
  const posts = await lifecycle.start(
    "database for posts",
    () => openDatabase(server.url, { max: 1, name: "usher posts", limit: POSTS_MS }),
    (part) => part.close(),
  );
  const pools = { main: main.numbers, posts: posts.numbers };
  return { sql: main.sql, postSql: posts.sql, databaseUrl: server.url, pools };
}
