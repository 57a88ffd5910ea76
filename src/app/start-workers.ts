import { rmSync } from "node:fs";
import { join } from "node:path";
import { AggregatorRegistry } from "prom-client";
import type { App } from "../app.ts";
import { ConfigError } from "../config/load.ts";
import type { Config } from "../config/options.ts";
import { readConfig } from "../config/read.ts";
import { StartError } from "../config/start-error.ts";
import type { Lifecycle } from "../platform/lifecycle.ts";
import type { Logger } from "../platform/logger.ts";
import { startDatabase } from "../platform/postgres/database-server.ts";
import { migrateUp } from "../platform/postgres/migrate.ts";
import { MIGRATIONS } from "../platform/postgres/migration-sets.ts";
import { onSighup } from "../platform/sighup.ts";
import { createMetricsServer } from "../transport/http/metrics-server.ts";
import { createWebProcess } from "../transport/web-process.ts";
import { createWorkerProcesses } from "../transport/worker-processes.ts";
import { getGrpcHost } from "./start-grpc.ts";
import { waitForPages } from "./start-pages.ts";

/** Longer than a worker's own stop may take after its drain, all its parts together. */
const WORKER_STOP_MS = 40_000;
/** Connections to the embedded server: a number for each worker, and some for tools. */
const CONNECTIONS_PER_WORKER = 24;

/**
 * Usher on all processors of a machine: this process keeps the database, the pages and the metrics, and N workers share the
 * port and everything else, each a node of its own. They reach each other as the nodes of any cluster do.
 */
export async function startWorkers(config: Config, logger: Logger, lifecycle: Lifecycle): Promise<App> {
  if (process.platform !== "linux") {
    throw new StartError("WORKERS needs Linux, where processes can share a port. Leave it out, or set WORKERS=1.");
  }
  try {
    await start(config, logger, lifecycle);
    logger.info(
      { url: config.PUBLIC_URL ?? `http://localhost:${config.HTTP_PORT}`, workers: config.WORKERS },
      "Usher is ready",
    );
    return { port: config.HTTP_PORT, stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(config: Config, logger: Logger, lifecycle: Lifecycle): Promise<void> {
  const database = await lifecycle.start(
    "postgres",
    () =>
      startDatabase(config, (level, line) => logger[level]({ name: "postgres" }, line), {
        max_connections: String(20 + CONNECTIONS_PER_WORKER * config.WORKERS),
      }),
    (part) => part.stop(),
    25_000,
  );
  if (config.MIGRATE_ON_START)
    for (const name of await migrateUp(database.url, MIGRATIONS)) logger.info(`migration applied: ${name}`);
  const web = await lifecycle.start(
    "pages",
    () =>
      createWebProcess({
        program: join(import.meta.dirname, "../../web/server.ts"),
        api: `http://127.0.0.1:${config.HTTP_PORT}`,
        logger: logger.child({ name: "pages" }),
      }),
    (part) => part.stop(),
  );
  web.start();
  await waitForPages(web, logger);
  const workers = createWorkerProcesses({
    program: join(import.meta.dirname, "../main.ts"),
    count: config.WORKERS,
    getInfo: (index) => {
      // Of a first worker that was killed; a socket's file outlives its process.
      if (index === 0) rmSync(web.innerSocket, { force: true });
      return { index, pages: web.socket, api: web.innerSocket };
    },
    environment: {
      DATABASE_URL: database.url,
      GRPC_HOST: getGrpcHost(config),
      WORKERS: "1",
      MIGRATE_ON_START: "false",
      METRICS_ENABLED: "false",
    },
    logger,
  });
  await lifecycle.start(
    "workers",
    async () => {
      await workers.start();
      return workers;
    },
    (part) => part.stop(),
    config.DRAIN_TIME + WORKER_STOP_MS,
  );
  onSighup(() => {
    workers.signal("SIGHUP");
    readLogLevel(logger);
  });
  if (!config.METRICS_ENABLED) return;
  await lifecycle.start(
    "metrics",
    () =>
      createMetricsServer(config, {
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        text: async () => AggregatorRegistry.aggregate((await workers.metrics()) as object[]).metrics(),
      }),
    (part) => part.stop(),
  );
}

/** All other settings are checked by the workers, which report what is wrong with them. */
function readLogLevel(logger: Logger): void {
  try {
    logger.level = readConfig().LOG_LEVEL;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}
