import { readdirSync, readFileSync } from "node:fs";

/** Resident memory of one process, in kB (Linux, /proc/PID/status). */
export function rssKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

/** Proportional memory in kB: pages that several processes share are divided among them (PostgreSQL's buffers, binaries). */
export function pssKb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
}

/** Peak resident memory, in kB. */
export function peakRssKb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

/** CPU time used so far by a process, user and system, in ms (clock ticks of 10 ms). */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** CPU time used so far by the thread that runs a process's JavaScript, in ms (Linux, /proc/PID/task/PID/schedstat). */
export function mainThreadMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ", 1)[0]) / 1_000_000;
}

/** A process and everything below it. */
export function tree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended while we looked.
    }
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** What a server is made of. */
export interface Processes {
  /** Those that hold the sockets. */
  pids: number[];
  /** What works for them without being below them: PostgreSQL, Redis. */
  others?: number[];
}

/** CPU in ms: of those that hold the sockets, of PostgreSQL, and of all with everything below them. */
export interface Cpu {
  serving: number;
  postgres: number;
  all: number;
}

/** CPU from now until the returned function is called. Processes that ended in between are not counted. */
export function cpuMeter(of: Processes): () => Cpu {
  const before = cpuNow(of);
  return () => {
    const after = cpuNow(of);
    const spent: Cpu = { serving: 0, postgres: 0, all: 0 };
    for (const [pid, { ms, postgres }] of after) {
      const used = ms - (before.get(pid)?.ms ?? 0);
      spent.all += used;
      if (postgres) spent.postgres += used;
      if (of.pids.includes(pid)) spent.serving += used;
    }
    return spent;
  };
}

function cpuNow({ pids, others = [] }: Processes): Map<number, { ms: number; postgres: boolean }> {
  const now = new Map<number, { ms: number; postgres: boolean }>();
  for (const pid of [...pids, ...others].flatMap(tree)) {
    try {
      now.set(pid, { ms: cpuMs(pid), postgres: readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("postgres") });
    } catch {
      // It ended while we looked.
    }
  }
  return now;
}

/** A process's name, for a table: the first word of its command line that is a name. */
export function processName(pid: number): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
  return words
    .map((word) => word.split("/").at(-1)!)
    .slice(0, 3)
    .join(" ")
    .slice(0, 48);
}
