import { readdirSync, readFileSync } from "node:fs";
import { isSystemError } from "../../src/config/start-error.ts";

/** Process ids of the children of a process that run now (Linux, proc(5)). */
export function listChildren(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => readParent(pid) === parent);
}

/** The arguments of the command that a process was started with; none when it has ended. */
export function readCommand(pid: number): string[] {
  return (readProcess(pid, "cmdline") ?? "").split("\0").filter(Boolean);
}

function readParent(pid: number): number {
  const stat = readProcess(pid, "stat") ?? "";
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** Null when the process ended meanwhile. */
function readProcess(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ESRCH")) return null;
    throw error;
  }
}
