import { join } from "node:path";
import { StartError } from "../config/start-error.ts";
import type { Logger } from "../platform/logger.ts";

/** A worker's index and paths, which its parent gives it by `--worker=<JSON>`. */
export interface WorkerInfo {
  /** The first, 0, also does what only one of them can do: gRPC's port and the pages' requests to the API. */
  index: number;
  /** Sockets of the page process, which the parent runs for all: where it listens, and where it calls the API. */
  pages: string;
  api: string;
}

export interface WorkerProcesses {
  /** Resolves when all are ready; rejects when one of them ends before. */
  start(): Promise<void>;
  /** The metrics of each; those that do not reply in 2 s are left out. */
  metrics(): Promise<object[]>;
  /** Sends a signal to all, such as SIGHUP. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM to all at once; resolves when they have gone. */
  stop(): Promise<void>;
}

export interface WorkerProcessesDeps {
  program: string;
  count: number;
  getInfo: (index: number) => WorkerInfo;
  /** Environment variables over this process's own. */
  environment: Record<string, string>;
  logger: Logger;
}

/** After a run longer than this the next start need not wait. */
const STABLE_MS = 30_000;
const BACKOFF = { first: 200, max: 10_000 };
const METRICS_TIMEOUT_MS = 2_000;

interface Worker {
  child: Bun.Subprocess<"pipe", "inherit", "inherit"> | null;
  timer: ReturnType<typeof setTimeout> | null;
  wait: number;
  /** The requests that wait for its metrics. */
  metricsWaiters: ((metrics: object) => void)[];
}

/** Processes of Usher that share one port, kept alive: one that ends is started again, sooner at first, later when it keeps ending. */
export function createWorkerProcesses(deps: WorkerProcessesDeps): WorkerProcesses {
  const { logger, count } = deps;
  const workers: Worker[] = Array.from({ length: count }, () => ({
    child: null,
    timer: null,
    wait: BACKOFF.first,
    metricsWaiters: [],
  }));
  let stopping = false;

  function launch(index: number, ready: () => void, failed: (code: number | null) => void): void {
    const worker = workers[index]!;
    worker.timer = null;
    const began = performance.now();
    // It ends when its standard input does: also when this process is killed.
    const preload = ["--no-env-file", "--preload", join(import.meta.dirname, "end-with-parent.ts")];
    worker.child = Bun.spawn(
      [process.execPath, ...preload, deps.program, `--worker=${JSON.stringify(deps.getInfo(index))}`],
      {
        env: { ...process.env, ...deps.environment },
        stdin: "pipe",
        stdout: "inherit",
        stderr: "inherit",
        ipc(message: { ready?: true; metrics?: object }) {
          if (message.ready) ready();
          if (message.metrics) for (const resolve of worker.metricsWaiters.splice(0)) resolve(message.metrics);
        },
        onExit(_, code, signal) {
          worker.child = null;
          if (stopping) return;
          failed(code);
          worker.wait = performance.now() - began > STABLE_MS ? BACKOFF.first : Math.min(worker.wait * 2, BACKOFF.max);
          logger.warn({ worker: index, code, signal, again_in_ms: worker.wait }, "a worker ended and is started again");
          worker.timer = setTimeout(() => launch(index, noop, noop), worker.wait);
        },
      },
    );
  }

  return {
    async start() {
      await Promise.all(
        workers.map(
          (_, index) =>
            new Promise<void>((resolve, reject) =>
              launch(index, resolve, (code) =>
                reject(new StartError(`Worker ${index} could not start (code ${code}); what it said stands above.`)),
              ),
            ),
        ),
      );
    },
    async metrics() {
      const replies = workers.map(async ({ child, metricsWaiters }) => {
        if (child === null) return null;
        const reply = Promise.withResolvers<object | null>();
        metricsWaiters.push(reply.resolve);
        child.send({ request: "metrics" });
        const timer = setTimeout(() => reply.resolve(null), METRICS_TIMEOUT_MS);
        return reply.promise.finally(() => clearTimeout(timer));
      });
      return (await Promise.all(replies)).filter((reply) => reply !== null);
    },
    signal(signal) {
      for (const { child } of workers) child?.kill(signal);
    },
    async stop() {
      stopping = true;
      for (const { timer } of workers) if (timer !== null) clearTimeout(timer);
      const children = workers.flatMap(({ child }) => child ?? []);
      for (const child of children) child.kill("SIGTERM");
      await Promise.all(children.map((child) => child.exited));
    },
  };
}

function noop(): void {}
