import { startApp } from "./app.ts";
import { helpText } from "./config/describe.ts";
import { readConfig } from "./config/read.ts";
import { untilSignal } from "./platform/lifecycle.ts";
import { exitWith } from "./platform/start-error.ts";

if (process.argv.includes("--help")) {
  console.log(helpText());
  process.exit(0);
}

try {
  const signal = untilSignal();
  const app = await startApp(readConfig());
  await signal;
  await app.stop();
  process.exit(0);
} catch (error) {
  exitWith(error);
}
