import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, startApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Logger } from "../../src/platform/logger.ts";
import { testDatabase } from "./postgres.ts";

export interface TestApp {
  /** `http://localhost:PORT` */
  url: string;
  /** The same for sockets: `ws://localhost:PORT/ws`. */
  socketUrl: string;
  databaseUrl: string;
  close(): Promise<void>;
}

/** A secret for tokens of another issuer, so that tests can mint people: HS256, `iss` https://issuer.example. */
export const TEST_SECRET = "a secret of the tests that is long enough for HS256";
export const TEST_ISSUER = "https://issuer.example";

/** The whole of Usher in this process, on a free port and its own database. `env` sets options over the tests' own. */
export async function startTestApp(env: Record<string, string> = {}, logger?: Logger): Promise<TestApp> {
  const database = await testDatabase();
  const dataDir = mkdtempSync(join(tmpdir(), "usher-test-"));
  const environment = {
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: "0",
    METRICS_PORT: "0",
    GRPC_PORT: "0",
    BROKER: "memory",
    LOG_LEVEL: "error",
    JWT_SECRET: TEST_SECRET,
    JWT_ISSUER: TEST_ISSUER,
    HTTP_RATE_LIMIT: "1000000",
    ...env,
  };
  const config = loadConfig({ environment, dotenv: null, readFile: (path) => readFileSync(path, "utf8") });
  const app: App = await startApp(config, logger);
  return {
    url: `http://localhost:${app.port}`,
    socketUrl: `ws://localhost:${app.port}/ws`,
    databaseUrl: database.url,
    async close() {
      await app.stop();
      await database.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
