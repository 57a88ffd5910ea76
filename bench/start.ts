import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processName, pssKb, rssKb, tree } from "./measure.ts";
import { type Row, report } from "./report.ts";
import { startUsher } from "./usher.ts";

/** Seconds from the start of the program to /ready, in an empty folder and again; then what each idle process holds. */
export async function start(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "usher-bench-start-"));
  chmodSync(folder, 0o755); // PostgreSQL must get in when it runs as another user
  const times: number[] = [];
  for (const last of [false, false, true]) {
    const usher = await startUsher({}, join(folder, "data"));
    const pid = usher.pids[0]!;
    times.push(usher.readyAfter);
    if (!last) {
      process.kill(pid, "SIGTERM");
      while (isAlive(pid)) await Bun.sleep(20);
      continue;
    }
    await Bun.sleep(5_000); // Idle: start-up's garbage is collected.
    const processes = tree(pid).map(
      (pid): Row => ({ process: processName(pid), "RSS MB": rssKb(pid) / 1024, "PSS MB": pssKb(pid) / 1024 }),
    );
    const sum = (column: string) => processes.reduce((total, row) => total + Number(row[column]), 0);
    report(
      "start",
      [...processes, { process: "all", "RSS MB": sum("RSS MB"), "PSS MB": sum("PSS MB") }],
      [
        `ready after ${times.map((seconds) => `${seconds.toFixed(2)} s`).join(", ")} (first in an empty folder)`,
        "PSS divides pages that processes share among them.",
      ],
    );
    await usher.stop();
  }
  rmSync(folder, { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
