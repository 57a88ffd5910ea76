import { startDatabase } from "../platform/postgres/database-server.ts";
import { migrateUp, waitForMigrations } from "../platform/postgres/migrate.ts";
import { MIGRATIONS } from "../platform/postgres/migration-sets.ts";
import { openDatabase } from "../platform/postgres/pool.ts";
import { createWriteProbe } from "../platform/postgres/write-probe.ts";
import type { Program } from "./program.ts";

/** Longest time in ms for a batch of posts: a server that does not respond delays all posts for so long and the grace. */
const POSTS_TIMEOUT_MS = 5_000;
/** Within the time after which a node may no longer make ids, so that a renewal that hangs is tried once more. */
const LEASE_TIMEOUT_MS = 3_000;

/** How long a node waits for migrations that it does not make itself, in ms. */
const MIGRATIONS_TIMEOUT_MS = 60_000;

export type Storage = Awaited<ReturnType<typeof startStorage>>;

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
  } else {
    await waitForMigrations(server.url, MIGRATIONS, MIGRATIONS_TIMEOUT_MS, (missing) =>
      logger.warn({ missing }, 'the database lacks migrations; waiting for "npm run migrate -- up"'),
    );
  }
  const writeProbe = createWriteProbe((refusal) =>
    refusal === null
      ? logger.info("the database takes writes again")
      : logger.error({ err: refusal }, "the database cannot write; what is read goes on"),
  );
  const onServerError = writeProbe.handleError;
  const main = await lifecycle.start(
    "database",
    () => openDatabase(server.url, { onServerError }),
    (part) => part.close(),
  );
  // One batch of posts is under way at a time: on a connection of its own it waits for no other, and its plans stay cached.
  const posts = await lifecycle.start(
    "database for posts",
    () => openDatabase(server.url, { max: 1, name: "usher posts", timeoutMs: POSTS_TIMEOUT_MS, onServerError }),
    (part) => part.close(),
  );
  // The same for what services send; a pool of its own, so that what blocks one of the two does not block the other.
  const notices = await lifecycle.start(
    "database for notices",
    () => openDatabase(server.url, { max: 1, name: "usher notices", timeoutMs: POSTS_TIMEOUT_MS, onServerError }),
    (part) => part.close(),
  );
  // The lease's renewal and the log tail must not wait for the requests of a busy node.
  const lease = await lifecycle.start(
    "database for the lease",
    () => openDatabase(server.url, { max: 1, name: "usher lease", timeoutMs: LEASE_TIMEOUT_MS, onServerError }),
    (part) => part.close(),
  );
  const tail = await lifecycle.start(
    "database for the tail",
    () => openDatabase(server.url, { max: 2, name: "usher tail", onServerError }),
    (part) => part.close(),
  );
  const pools = {
    main: main.stats,
    posts: posts.stats,
    notices: notices.stats,
    lease: lease.stats,
    tail: tail.stats,
  };
  return {
    sql: main.sql,
    postSql: posts.sql,
    noticeSql: notices.sql,
    leaseSql: lease.sql,
    tailSql: tail.sql,
    databaseUrl: server.url,
    isReachable: server.isReachable,
    pools,
    writeProbe: writeProbe,
  };
}
