import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "../tests/support/wait-until.ts";

const folder = mkdtempSync(join(tmpdir(), "usher-lock-"));
const lock = join(folder, "nested/work.lock");
const log = join(folder, "log");
const program = join(folder, "worker.mjs");
writeFileSync(
  program,
  `import { appendFileSync } from "node:fs";
import { withLock } from ${JSON.stringify(join(import.meta.dir, "lock.mjs"))};
const [lock, log, ms] = process.argv.slice(2);
withLock(lock, () => console.log("waiting"), () => {
  appendFileSync(log, "in ");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
  appendFileSync(log, "out ");
  if (ms === "1") process.exit(3);
});`,
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function worker(ms: number) {
  return Bun.spawn(["node", program, lock, log, String(ms)], { stdout: "pipe", stderr: "inherit" });
}

test("no two processes hold a lock at the same time, also when one ends by process.exit", async () => {
  writeFileSync(log, "");
  const workers = [1, 20, 20, 1, 20].map(worker);
  expect((await Promise.all(workers.map(({ exited }) => exited))).sort()).toEqual([0, 0, 0, 3, 3]);
  expect(readFileSync(log, "utf8")).toBe("in out ".repeat(5));
  expect(existsSync(lock)).toBe(false);
});

test("a lock is free when its holder was killed, or its number is another program's", async () => {
  writeFileSync(log, "");
  const killed = worker(600_000);
  await waitUntil("the first is at work", () => readFileSync(log, "utf8") === "in ");
  const next = worker(5);
  expect(new TextDecoder().decode((await next.stdout.getReader().read()).value)).toBe("waiting\n");
  killed.kill("SIGKILL");
  expect(await next.exited).toBe(0);
  writeFileSync(lock, String(process.pid));
  expect(await worker(5).exited).toBe(0);
  expect(readFileSync(log, "utf8")).toBe("in in out in out ");
});

test("a lock is free when its holder is the same program in another folder: the checkout was copied", async () => {
  writeFileSync(log, "");
  const original = Bun.spawn(["node", program, join(folder, "other.lock"), log, "600000"], { cwd: "/" });
  await waitUntil("the other is at work", () => readFileSync(log, "utf8") === "in ");
  writeFileSync(lock, String(original.pid));
  expect(await worker(5).exited).toBe(0);
  expect(readFileSync(log, "utf8")).toBe("in in out ");
  original.kill("SIGKILL");
});
