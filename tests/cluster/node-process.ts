import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { waitUntil } from "../support/wait-until.ts";

/** This checkout. */
export const THIS_RELEASE = join(import.meta.dirname, "../..");
/** A start takes two seconds; several at the same time on a busy machine much longer. */
const START_MS = 90_000;

/** One node of Usher as an operator runs it: a separate process that can be killed, stopped gracefully and started again. */
export class NodeProcess {
  readonly port: number;
  readonly grpcPort: number;
  readonly #environment: Record<string, string>;
  /** Folder of the checkout that the next start runs. */
  release: string;
  readonly #dataDir = mkdtempSync(join(tmpdir(), "usher-node-"));
  #child: ReturnType<typeof spawn> | null = null;
  /** Whether clients may be sent here: from readiness until it is stopped. */
  up = false;

  private constructor(port: number, grpcPort: number, environment: Record<string, string>, release: string) {
    this.port = port;
    this.grpcPort = grpcPort;
    this.#environment = environment;
    this.release = release;
  }

  static async make(environment: Record<string, string>, release = THIS_RELEASE): Promise<NodeProcess> {
    return new NodeProcess(await freePort(), await freePort(), environment, release);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ["--no-env-file", "src/main.ts"], {
      cwd: this.release,
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        PATH: process.env.PATH,
        HTTP_HOST: "127.0.0.1",
        HTTP_PORT: String(this.port),
        HTTP_RATE_LIMIT: "10000000",
        METRICS_ENABLED: "false",
        GRPC_HOST: "127.0.0.1",
        GRPC_PORT: String(this.grpcPort),
        DATA_DIR: this.#dataDir,
        LOG_LEVEL: process.env.SIM_LOG_LEVEL ?? "silent",
        ...this.#environment,
      },
    });
    this.#child = child;
    const isReady = async () => (await fetch(`http://127.0.0.1:${this.port}/ready`)).ok;
    await waitUntil("the node is ready", () => child.exitCode !== null || isReady(), START_MS);
    if (child.exitCode !== null) throw new Error(`the node ended with ${child.exitCode}`);
    this.up = true;
  }

  /** The status code and body of `/ready`. */
  async readiness(): Promise<{ status: number; body: { status: string; reason?: string } }> {
    const response = await fetch(`http://127.0.0.1:${this.port}/ready`);
    return { status: response.status, body: (await response.json()) as { status: string } };
  }

  /** kill -9: no goodbye, nothing is flushed. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM, as a deploy does. Returns the exit code. */
  async drain(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  async remove(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    this.up = false;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return null;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
    return child.exitCode;
  }
}
