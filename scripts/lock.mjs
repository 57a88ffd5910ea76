// A lock between programs of one checkout: a file that names the process that holds it.
import { spawnSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";

const POLL_MS = 100;

/** Runs `work` while no other process does so under the same lock. `onWait` is called once if it has to wait. */
export async function withLock(lock, onWait, work) {
  const mine = `${lock}.${process.pid}`;
  mkdirSync(dirname(lock), { recursive: true });
  writeFileSync(mine, String(process.pid));
  try {
    let waited = false;
    while (!acquire(lock, mine)) {
      if (!waited) onWait();
      waited = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  // process.exit() inside of `work` skips a `finally`, but not this.
  const release = () => rmSync(lock, { force: true });
  process.once("exit", release);
  await work();
  process.off("exit", release);
  release();
}

/** A link is created atomically, so no process ever sees a lock without its holder. */
function acquire(lock, mine) {
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (isLocked(lock)) return false;
    rmSync(lock, { force: true });
    return acquire(lock, mine);
  }
}

/**
 * A killed holder leaves its file, and its process id may be another program's by now; the file of a checkout that was
 * copied names a process of the original. So ask what runs under the number, and where.
 */
function isLocked(lock) {
  let holder;
  try {
    holder = readFileSync(lock, "utf8");
  } catch {
    return false;
  }
  if (holder === String(process.pid)) return false;
  if (existsSync("/proc/self/cmdline")) return runsUs(holder) && standsHere(holder);
  return spawnSync("ps", ["-o", "command=", "-p", holder], { encoding: "utf8" }).stdout.includes(program);
}

const program = basename(process.argv[1]);

function runsUs(pid) {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) && readFileSync(file, "utf8").includes(program);
}

/** Programs that share a lock are started in the same folder. */
function standsHere(pid) {
  try {
    const [its, ours] = [statSync(`/proc/${pid}/cwd`), statSync(".")];
    return its.dev === ours.dev && its.ino === ours.ino;
  } catch (error) {
    return error.code === "EACCES"; // Another user's: not known, so wait.
  }
}
