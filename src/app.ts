import type { Config } from "./config/options.ts";
import { createLifecycle } from "./platform/lifecycle.ts";
import { createLogger } from "./platform/logger.ts";
import { migrateUp } from "./platform/postgres/migrate.ts";
import { MIGRATIONS } from "./platform/postgres/migration-sets.ts";
import { openDatabase } from "./platform/postgres/pool.ts";
import { startDatabase } from "./platform/postgres/server.ts";

export interface App {
  stop(): Promise<void>;
}

/** Starts every part of Usher in order; throws a StartError when one of them cannot. */
export async function startApp(config: Config): Promise<App> {
  const logger = createLogger(config);
  const lifecycle = createLifecycle(logger);
  try {
    const server = await lifecycle.start(
      "postgres",
      () => startDatabase(config, (level, line) => logger[level]({ name: "postgres" }, line)),
      (part) => part.stop(),
      25_000,
    );
    if (config.MIGRATE_ON_START) {
      for (const name of await migrateUp(server.url, MIGRATIONS)) logger.info(`migration applied: ${name}`);
    }
    await lifecycle.start(
      "database",
      () => openDatabase(server.url),
      (part) => part.close(),
    );
    return { stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}
