import { join } from "node:path";
import { StartError } from "../config/start-error.ts";
import { ChildSupervisor } from "../platform/child-supervisor.ts";
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

const METRICS_TIMEOUT_MS = 2_000;

type WorkerChild = Bun.Subprocess<"pipe", "inherit", "inherit">;

interface Worker {
  supervisor: ChildSupervisor<WorkerChild>;
  /** Its first start: it is ready, or has ended before it was. */
  started: PromiseWithResolvers<void>;
  /** The requests that wait for its metrics. */
  metricsWaiters: ((metrics: object) => void)[];
}

/** Processes of Usher that share one port, kept alive. */
export function createWorkerProcesses(deps: WorkerProcessesDeps): WorkerProcesses {
  const workers = Array.from({ length: deps.count }, (_, index) => createWorker(deps, index));

  return {
    async start() {
      for (const { supervisor } of workers) supervisor.start();
      await Promise.all(workers.map(({ started }) => started.promise));
    },
    async metrics() {
      const replies = workers.map(async ({ supervisor: { child }, metricsWaiters }) => {
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
      for (const { supervisor } of workers) supervisor.child?.kill(signal);
    },
    async stop() {
      await Promise.all(workers.map(({ supervisor }) => supervisor.stop()));
    },
  };
}

function createWorker({ program, getInfo, environment, logger }: WorkerProcessesDeps, index: number): Worker {
  const started = Promise.withResolvers<void>();
  const metricsWaiters: Worker["metricsWaiters"] = [];
  const supervisor = new ChildSupervisor({
    spawn() {
      // It ends when its standard input does: also when this process is killed.
      const preload = ["--no-env-file", "--preload", join(import.meta.dirname, "end-with-parent.ts")];
      return Bun.spawn([process.execPath, ...preload, program, `--worker=${JSON.stringify(getInfo(index))}`], {
        env: { ...process.env, ...environment },
        stdin: "pipe",
        stdout: "inherit",
        stderr: "inherit",
        ipc(message: { ready?: true; metrics?: object }) {
          if (message.ready) started.resolve();
          if (message.metrics) for (const resolve of metricsWaiters.splice(0)) resolve(message.metrics);
        },
      });
    },
    onEnd(ended, waitMs) {
      started.reject(
        new StartError(`Worker ${index} could not start (code ${ended.code}); what it said stands above.`),
      );
      logger.warn({ worker: index, ...ended, again_in_ms: waitMs }, "a worker ended and is started again");
    },
  });
  return { supervisor, started, metricsWaiters };
}
