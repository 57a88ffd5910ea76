import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDatabase } from "../../src/platform/postgres/database-server.ts";
import { TEST_ISSUER, TEST_SECRET } from "../support/app.ts";
import { freePort } from "../support/free-port.ts";
import { waitUntil } from "../support/wait-until.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Usher as people run it: a separate process, with its embedded PostgreSQL, that can be killed and started again. */
export class ServerProcess {
  readonly url: string;
  readonly #port: number;
  readonly #dataDir = mkdtempSync(join(tmpdir(), "usher-sim-"));
  #child: ReturnType<typeof spawn> | null = null;

  private constructor(port: number) {
    this.#port = port;
    this.url = `http://localhost:${port}`;
  }

  static async start(): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort());
    await server.start();
    return server;
  }

  /** Resolves when it responds. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ["--no-env-file", "src/main.ts"], {
      cwd: ROOT,
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        PATH: process.env.PATH,
        HTTP_PORT: String(this.#port),
        HTTP_RATE_LIMIT: "1000000",
        METRICS_ENABLED: "false",
        GRPC_PORT: "0",
        DATA_DIR: this.#dataDir,
        JWT_SECRET: TEST_SECRET,
        JWT_ISSUER: TEST_ISSUER,
        LOG_LEVEL: process.env.SIM_LOG_LEVEL ?? "error",
      },
    });
    this.#child = child;
    await waitUntil("the server responds", async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      return (await fetch(`${this.url}/ready`)).ok;
    });
  }

  /** kill -9: no goodbye, nothing is flushed. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM, as a deploy does. Returns the exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Where its database is, while it runs. */
  async databaseUrl(): Promise<string> {
    return (await connectDatabase({ DATABASE_URL: null, DATA_DIR: this.#dataDir }, () => {})).url;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return null;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
    return child.exitCode;
  }
}
