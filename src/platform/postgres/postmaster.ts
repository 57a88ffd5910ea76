import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isSystemError, StartError } from "../../config/start-error.ts";

/** What a running server writes into `postmaster.pid` of its folder, and beside its socket. */
export interface Postmaster {
  pid: number;
  /** The data folder as that server knows it. In a copy of the folder it is still the original's. */
  dataFolder: string;
  socketFolder: string;
  ready: boolean;
}

/** Reads `postmaster.pid`; null when there is none or it is half written. */
export function readPostmaster(folder: string): Postmaster | null {
  return readLockFile(join(folder, "postmaster.pid"));
}

/** The same of any such file: PostgreSQL keeps one in its folder and one beside its socket. */
export function readLockFile(file: string): Postmaster | null {
  let lines: string[];
  try {
    lines = readFileSync(file, "utf8").split("\n");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return null;
    throw error;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  const [dataFolder = "", socketFolder = ""] = [lines[1], lines[4]].map((line) => line?.trim());
  return { pid, dataFolder, socketFolder, ready: lines[7]?.trim() === "ready" };
}

/** Where the server of this folder listens; null when none runs. */
export function runningSocketFolder(folder: string): string | null {
  const postmaster = readPostmaster(folder);
  return postmaster?.ready && isServing(postmaster.pid, folder) ? postmaster.socketFolder : null;
}

/**
 * Ends a server that outlived its Usher (which was killed), so that a new one can start. The process is checked to be
 * a server of this very folder: after a reboot its number may belong to any process, and the file of a folder that was copied
 * names the server of the original. Call it only with the folder locked.
 *
 * @returns the folder in which a server of this folder listened, which has gone now; null when it is not known to be ours
 */
export async function stopOrphan(folder: string): Promise<string | null> {
  const orphan = readPostmaster(folder);
  if (orphan === null) return null;
  if (isServing(orphan.pid, folder)) {
    await endProcess(orphan.pid);
    if (isServing(orphan.pid, folder)) {
      throw new StartError(
        `A PostgreSQL server from an earlier run (process ${orphan.pid}) does not stop. Stop it first.`,
      );
    }
    return orphan.socketFolder;
  }
  if (isAlive(orphan.pid)) {
    markStale(folder);
    return null;
  }
  return isSameFolder(orphan.dataFolder, folder) ? orphan.socketFolder : null;
}

/**
 * Puts our own process id into a `postmaster.pid` whose number belongs to a stranger by now. PostgreSQL takes its parent's
 * number as the mark of a stale file. Without the file it could not see that workers of the old server still write.
 */
function markStale(folder: string): void {
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

/** Whether a process has this number. */
export function isAlive(pid: number): boolean {
  if (pid <= 0) return false; // To the system it would mean a group of processes.
  try {
    return signalProcess(pid, 0);
  } catch (error) {
    if (isSystemError(error, "EPERM")) return true;
    throw error;
  }
}

/** Whether that process is a PostgreSQL server of this folder: a server's working directory is its data folder. */
function isServing(pid: number, folder: string): boolean {
  if (process.platform === "linux") {
    try {
      const program = basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, "");
      return program === "postgres" && isSameFolder(`/proc/${pid}/cwd`, folder);
    } catch (error) {
      if (isSystemError(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return false;
      throw error;
    }
  }
  const { stdout } = spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" });
  return [folder, realpathSync(folder)].some((path) => `${stdout.trim()} `.includes(`postgres -D ${path} `));
}

/** Whether two paths lead to one folder, by links too: the same inode of the same disk. */
function isSameFolder(one: string, other: string): boolean {
  if (!existsSync(one)) return false;
  const [a, b] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })];
  return a.dev === b.dev && a.ino === b.ino;
}
