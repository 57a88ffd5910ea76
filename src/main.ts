import { readWorkerPlace } from "./app/worker.ts";
import { startWorkers } from "./app/workers.ts";
import { startApp } from "./app.ts";
import { helpText } from "./config/describe.ts";
import { readConfig } from "./config/read.ts";
import { exitWith, StartError } from "./config/start-error.ts";
import { createLifecycle, stopAtDefect, untilSignal } from "./platform/lifecycle.ts";
import { createLogger } from "./platform/logger.ts";

const [argument] = process.argv.slice(2);
if (argument === "--help" || argument === "-h") {
  console.log(helpText());
  process.exit(0);
}

try {
  const isWorker = readWorkerPlace() !== null; // its parent told it so by an argument
  if (argument !== undefined && !isWorker) {
    throw new StartError(
      `Usher takes no argument "${argument}". It is set by environment variables, such as HTTP_PORT=3103 npm start; "npm start -- --help" lists them.`,
    );
  }
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
