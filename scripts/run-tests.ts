import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export function noTally(): Tally {
  return { passed: 0, failed: 0, skipped: 0 };
}

/** Runs one program as one check; its output is shown. */
export async function runProgram(title: string, command: string[]): Promise<Tally> {
  heading(title);
  const status = await run(command);
  return { ...noTally(), [status === 0 ? "passed" : "failed"]: 1 };
}

/** Runs test files with `bun test`; counts from its report, and a run that breaks outside a test as one more failure. */
export async function runTests(title: string, files: string[], flags: string[]): Promise<Tally> {
  if (files.length === 0) return noTally();
  heading(title);
  const folder = mkdtempSync(join(tmpdir(), "usher-report-"));
  const report = join(folder, "junit.xml");
  try {
    const paths = files.map((file) => `./${file}`);
    const options = ["--no-env-file", "test", "--timeout=60000", "--reporter=junit", `--reporter-outfile=${report}`];
    const status = await run([process.execPath, ...options, ...flags, ...paths]);
    const tally = readReport(report);
    return status !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file: string): Tally {
  if (!existsSync(file)) return noTally();
  const [head] = /<testsuites [^>]*>/.exec(readFileSync(file, "utf8")) ?? [""];
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  return { passed: count("tests") - failed - count("skipped"), failed, skipped: count("skipped") };
}

function heading(title: string): void {
  console.log(`\n== ${title}`);
}

function run(command: string[]): Promise<number> {
  // Without `env` Bun hands on the environment that it was started with, not what was added to it.
  return Bun.spawn(command, { env: process.env, stdin: "ignore", stdout: "inherit", stderr: "inherit" }).exited;
}
