import { readWorkerPlace } from "./app/worker.ts";
import { startWorkers } from "./app/workers.ts";
import { startApp } from "./app.ts";
import { readConfig } from "./config/read.ts";
import { exitWith } from "./config/start-error.ts";
import { createLifecycle, stopAtDefect, untilSignal } from "./platform/lifecycle.ts";
import { createLogger } from "./platform/logger.ts";

try {
  const isWorker = readWorkerPlace() !== null; // its parent told it so by an argument
  const signal = untilSignal(isWorker);
  const config = readConfig();
  const logger = createLogger(config);
  const lifecycle = createLifecycle(logger);
  stopAtDefect(lifecycle, logger);
  const start = config.WORKERS > 1 ? startWorkers : startApp;
  const app = await start(config, logger, lifecycle);
  await signal;
  await app.stop();
  if (!isWorker) logger.info("stopped");
  process.exit(0);
} catch (error) {
  exitWith(error);
}
