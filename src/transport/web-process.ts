import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { type Backoff, ChildSupervisor } from "../platform/child-supervisor.ts";
import type { Logger } from "../platform/logger.ts";

export interface WebProcessDeps {
  /** The program that renders pages, such as web/server.ts. */
  program: string;
  /** Where it reaches the API over TCP, when it does not use the inner socket. */
  api: string;
  logger: Logger;
  backoff?: Backoff;
}

/**
 * The process that renders pages, kept alive: started again when it ends, sooner at first, later when it keeps ending.
 * It is set by environment: WEB_SOCKET (it listens there), USHER_API_SOCKET and USHER_API (the API), NODE_ENV.
 */
export interface WebProcess {
  /** Unix socket that it listens on. */
  socket: string;
  /** Unix socket on which the server receives its requests to the API. */
  innerSocket: string;
  start(): void;
  /** Resolves when it takes connections; false when it did not within `ms`. */
  ready(ms: number): Promise<boolean>;
  /** Ends it: SIGTERM, and SIGKILL after 3 s. */
  stop(): Promise<void>;
  /** Process id while it runs. */
  readonly pid: number | null;
}

const KILL_AFTER_MS = 3_000;

export function createWebProcess(deps: WebProcessDeps): WebProcess {
  const { logger, backoff } = deps;
  const folder = mkdtempSync(join(tmpdir(), "usher-")); // readable by this user alone; short, as a socket's path must be
  const socket = join(folder, "pages.sock");
  const innerSocket = join(folder, "api.sock");

  const supervisor = new ChildSupervisor({
    backoff,
    killAfterMs: KILL_AFTER_MS,
    spawn() {
      rmSync(socket, { force: true });
      // It ends when its standard input does: also when this process is killed.
      const preload = ["--preload", join(import.meta.dirname, "end-with-parent.ts")];
      const child = Bun.spawn([process.execPath, ...preload, deps.program], {
        env: {
          ...getInheritedEnv(),
          NODE_ENV: "production",
          WEB_SOCKET: socket,
          USHER_API_SOCKET: innerSocket,
          USHER_API: deps.api,
        },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
      });
      void forwardLines(child.stdout, (line) => logger.info(line));
      void forwardLines(child.stderr, (line) => logger.warn(line));
      return child;
    },
    onEnd: (ended, waitMs) =>
      logger.warn({ ...ended, again_in_ms: waitMs }, "the page process ended and is started again"),
  });

  return {
    socket,
    innerSocket,
    start: () => supervisor.start(),
    async ready(ms) {
      const until = performance.now() + ms;
      while (!(existsSync(socket) && (await canConnect(socket)))) {
        if (supervisor.isStopping || performance.now() > until) return false;
        await Bun.sleep(25);
      }
      return true;
    },
    async stop() {
      await supervisor.stop();
      rmSync(folder, { recursive: true, force: true });
    },
    get pid() {
      return supervisor.child?.pid ?? null;
    },
  };
}

/** The page process needs no secret of ours: only what every program needs to run. */
function getInheritedEnv(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "PUBLIC_URL"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

async function forwardLines(stream: ReadableStream<Uint8Array>, line: (text: string) => void): Promise<void> {
  for await (const text of createInterface({ input: Readable.fromWeb(stream as never) })) line(text);
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
