import { startWorkers } from "./app/start-workers.ts";
import { readWorkerInfo } from "./app/worker-process.ts";
import { startApp } from "./app.ts";
import { readConfig } from "./config/read.ts";
import { exitWith } from "./config/start-error.ts";
import { createLifecycle, stopOnUncaughtError, waitForSignal } from "./platform/lifecycle.ts";
import { createLogger } from "./platform/logger.ts";

try {
  const isWorker = readWorkerInfo() !== null; // its parent says so by an argument
  const signal = waitForSignal(isWorker);
  const config = readConfig();
  const logger = createLogger(config);
  const lifecycle = createLifecycle(logger);
  stopOnUncaughtError(lifecycle, logger);
  const start = config.WORKERS > 1 ? startWorkers : startApp;
  const app = await start(config, logger, lifecycle);
  await signal;
  await app.stop();
  if (!isWorker) logger.info("stopped");
  process.exit(0);
} catch (error) {
  exitWith(error);
}
