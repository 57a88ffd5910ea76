import { existsSync, readFileSync } from "node:fs";
import { loadConfig } from "./load.ts";
import type { Config } from "./options.ts";

/** The settings of this process: its environment over the `.env` of its working directory. Throws a ConfigError. */
export function readConfig(): Config {
  return loadConfig({
    environment: process.env,
    dotenv: existsSync(".env") ? readFileSync(".env", "utf8") : null,
    readFile: (path) => readFileSync(path, "utf8"),
  });
}
