import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../../config/start-error.ts";
import { findBinaries } from "./binaries.ts";
import { lockFolder } from "./folder-lock.ts";
import { CLEAN_ENV, ensureCluster, explainFolderError } from "./initdb.ts";
import { moveToOwnUser } from "./own-user.ts";
import { readPostmaster, stopOrphan } from "./postmaster.ts";
import { createLineReader, LINE_PREFIX, type ServerLog } from "./server-lines.ts";
import { hasSocket, makeSocketFolder, removeAbandoned, restoreSocketFolder } from "./socket-folder.ts";
import { checkAccess, findPostgresUser } from "./system-user.ts";

/** Small on purpose: a community's server shares its machine, and PostgreSQL relies on the system's file cache. */
const SETTINGS: Record<string, string> = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  max_connections: "60",
  shared_buffers: "48MB",
  work_mem: "4MB",
  maintenance_work_mem: "32MB",
  max_wal_size: "1GB",
  max_wal_senders: "0",
  max_logical_replication_workers: "0",
  max_parallel_workers_per_gather: "0",
  io_method: "sync",
  jit: "off",
  // A fresh 16 MB of log was filled with zeroes before its first use, and every post waited 60 ms for it.
  wal_init_zero: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: LINE_PREFIX,
  // Without the values of rows, in which people's addresses are; our own log has the statement that failed and its caller.
  log_error_verbosity: "terse",
};

export interface EmbeddedOptions {
  /** Usher's data folder; the server's own is `postgres` in it. */
  dataDir: string;
  log?: ServerLog;
  /** Further settings of the server, over ours. */
  settings?: Record<string, string>;
}

export interface EmbeddedPostgres {
  /** Connection URL of the database `usher` for the application's role. */
  url: string;
  /** Process id of the server that runs now; null while it is being restarted. */
  pid(): number | null;
  /** Clean ("fast") shutdown; resolves when the server has gone and the folder is free. Repeated calls wait for the first. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL on `dataDir/postgres` and keeps it running: made when missing, recovered after a crash, restarted
 * with back-off when it dies. It listens on a unix socket in a private folder only.
 *
 * @throws StartError in a sentence: folder in use or of another user, other version, disk full
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, "postgres");
  const binaries = findBinaries();
  const log = options.log ?? (() => {});
  const { user: creator, unlock } = claimFolder(dataDir, folder);
  try {
    const left = await stopOrphan(folder);
    if (left !== null) removeAbandoned(left);
    checkAccess(creator, binaries.postgres);
    ensureCluster(folder, binaries, creator, options.settings?.fsync !== "off");
    const user = moveToOwnUser(folder, creator, (line) => log("warn", line));
    const socketFolder = makeSocketFolder(user);
    const settings = { ...SETTINGS, unix_socket_directories: socketFolder, ...options.settings };
    const args = ["-D", folder, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
    const launch = () => {
      restoreSocketFolder(socketFolder, user);
      return spawn(binaries.postgres, args, { ...(user && { uid: user.uid, gid: user.gid }), ...SPAWN_OPTIONS });
    };
    const isThere = () => hasSocket(socketFolder, options.settings?.port);
    const server = new Supervisor(folder, launch, isThere, log);
    await server.start();
    let stopped: Promise<void> | null = null;
    const stop = async () => {
      await server.stop();
      rmSync(socketFolder, { recursive: true, force: true });
      unlock();
    };
    return {
      url: socketUrl(socketFolder),
      pid: () => server.pid,
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The application's connection URL for a server that listens in this folder. */
export function socketUrl(socketFolder: string): string {
  return `postgres://usher@${encodeURIComponent(socketFolder)}/usher`;
}

/** In a group of its own: Ctrl+C in the terminal is for this process, which then stops the server last. */
const SPAWN_OPTIONS = {
  cwd: "/",
  env: CLEAN_ENV,
  detached: true,
  stdio: ["ignore", "ignore", "pipe"],
} satisfies SpawnOptions;

function claimFolder(dataDir: string, folder: string) {
  try {
    const user = findPostgresUser(folder);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (user) chmodSync(dataDir, 0o711);
    const unlock = lockFolder(join(dataDir, "usher.lock"));
    checkAccess(user, dataDir);
    return { user, unlock };
  } catch (error) {
    throw explainFolderError(error, dataDir);
  }
}

/** How often the socket is looked for, in ms. */
const SOCKET_CHECK_MS = 1_000;

/**
 * One server process at a time: started, watched, started again. It is not `ChildSupervisor`'s job: PostgreSQL must never get
 * SIGKILL, after which its own processes may still write; it ends by SIGINT, then SIGQUIT, after us and in a process group of its own; a start
 * waits until it is ready, and before each one a server left of the last run is ended.
 */
class Supervisor {
  readonly #folder: string;
  readonly #launch: () => ChildProcess;
  readonly #hasSocket: () => boolean;
  readonly #log: ServerLog;
  #child: ChildProcess | null = null;
  #stopping = false;
  #restarting: Promise<void> | null = null;

  constructor(folder: string, launch: () => ChildProcess, hasSocket: () => boolean, log: ServerLog) {
    this.#folder = folder;
    this.#launch = launch;
    this.#hasSocket = hasSocket;
    this.#log = log;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Resolves when the server takes connections. */
  async start(): Promise<void> {
    const child = this.#launch();
    const exited = new Promise<string>((done) => {
      child.once("error", (error) => done(error.message));
      child.once("exit", (code, signal) => done(`exit ${signal ?? code}`));
    });
    const lastLines: string[] = [];
    const read = createLineReader();
    createInterface({ input: child.stderr! }).on("line", (line) => {
      const { level, text } = read(line);
      lastLines.push(text);
      if (lastLines.length > 10) lastLines.shift();
      this.#log(level, text);
    });
    this.#child = child;
    let ended: string | null = null;
    void exited.then((how) => {
      ended = how;
    });
    while (!this.#isReady(child)) {
      if (ended !== null) {
        this.#child = null;
        const said = lastLines.join("\n");
        throw explainFolderError(
          new StartError(`The embedded PostgreSQL did not start (${ended}):\n${said}`),
          this.#folder,
        );
      }
      await sleep(10);
    }
    // A server makes its socket only when it starts, and a cleaner of temporary folders may remove it.
    const watch = setInterval(() => {
      if (this.#stopping || this.#hasSocket()) return;
      clearInterval(watch);
      this.#log("warn", "The socket of the embedded PostgreSQL was removed; restarting PostgreSQL to make it again.");
      child.kill("SIGINT");
    }, SOCKET_CHECK_MS).unref();
    void exited.then((how) => {
      clearInterval(watch);
      this.#onExit(how);
    });
  }

  #isReady(child: ChildProcess): boolean {
    const postmaster = readPostmaster(this.#folder);
    return postmaster !== null && postmaster.pid === child.pid && postmaster.ready;
  }

  #onExit(how: string): void {
    this.#child = null;
    if (this.#stopping) return;
    this.#log("warn", `The embedded PostgreSQL ended (${how}); starting it again.`);
    this.#restarting = this.#restart();
  }

  async #restart(): Promise<void> {
    for (let wait = 100; !this.#stopping; wait = Math.min(wait * 2, 5_000)) {
      try {
        await stopOrphan(this.#folder);
        await this.start();
        return;
      } catch (error) {
        this.#log("warn", error instanceof Error ? error.message : String(error));
        await sleep(wait);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#restarting;
    const child = this.#child;
    if (child === null) return;
    const exited = new Promise((done) => child.once("exit", done));
    child.kill("SIGINT");
    const late = setTimeout(() => child.kill("SIGQUIT"), 20_000);
    await exited;
    clearTimeout(late);
  }
}
