import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync, realpathSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isSystemError, StartError } from "../../config/start-error.ts";

/** How the names of the folders begin in which our servers listen. */
export const SOCKET_FOLDER = "usher-";

/** What a running server writes into `postmaster.pid` of its folder. */
export interface Postmaster {
  pid: number;
  socketFolder: string;
  ready: boolean;
}

/** Reads `postmaster.pid`; null when there is none or it is half written. */
export function readPostmaster(folder: string): Postmaster | null {
  let lines: string[];
  try {
    lines = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return null;
    throw error;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return { pid, socketFolder: lines[4]?.trim() ?? "", ready: lines[7]?.trim() === "ready" };
}

/** Where the server of this folder listens; null when none runs. */
export function runningSocketFolder(folder: string): string | null {
  const postmaster = readPostmaster(folder);
  return postmaster?.ready && serves(postmaster.pid, folder) ? postmaster.socketFolder : null;
}

/**
 * Ends a server that outlived its Usher (which was killed), so that a new one can start. The process is checked to be
 * a server of this very folder: after a reboot its number may belong to anybody. Call it only with the folder locked.
 *
 * @returns the folder in which it listened, when that is one of ours
 */
export async function stopOrphan(folder: string): Promise<string | null> {
  const orphan = readPostmaster(folder);
  if (orphan === null) return null;
  if (serves(orphan.pid, folder)) {
    await endProcess(orphan.pid);
    if (serves(orphan.pid, folder)) {
      throw new StartError(
        `A PostgreSQL server from an earlier run (process ${orphan.pid}) does not stop. Stop it first.`,
      );
    }
  } else if (isAlive(orphan.pid)) {
    disown(folder);
  }
  return basename(orphan.socketFolder).startsWith(SOCKET_FOLDER) ? orphan.socketFolder : null;
}

/**
 * Puts our own process id into a `postmaster.pid` whose number belongs to a stranger by now. PostgreSQL takes its parent's
 * number as a sign that the file is stale. Without the file it could not see that workers of the old server still write.
 */
function disown(folder: string): void {
  const file = join(folder, "postmaster.pid");
  const [, ...rest] = readFileSync(file, "utf8").split("\n");
  writeFileSync(file, [process.pid, ...rest].join("\n"));
}

/** Fast shutdown; immediate shutdown when that takes more than 15 s. */
async function endProcess(pid: number): Promise<void> {
  for (const [signal, tries] of [
    ["SIGINT", 300],
    ["SIGQUIT", 100],
  ] as const) {
    if (!signalProcess(pid, signal)) return;
    for (let i = 0; i < tries; i++) {
      if (!isAlive(pid)) return;
      await sleep(50);
    }
  }
}

/** False when there is no such process any more. */
function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (isSystemError(error, "ESRCH")) return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return signalProcess(pid, 0);
  } catch (error) {
    if (isSystemError(error, "EPERM")) return true;
    throw error;
  }
}

/** Whether that process is a PostgreSQL server of this folder: a server's working directory is its data folder. */
function serves(pid: number, folder: string): boolean {
  if (process.platform === "linux") {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(folder);
    } catch (error) {
      if (isSystemError(error, "ENOENT", "ESRCH", "EACCES")) return false;
      throw error;
    }
  }
  const { stdout } = spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.includes(folder);
}
