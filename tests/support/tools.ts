import { test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

const OWN = join(import.meta.dirname, "../../.cache/tools/bin");

/** A program that npm does not bring: where scripts/test-tools.sh put it, or on the PATH; null when it is not here. */
export function findTool(name: string): string | null {
  const own = join(OWN, name);
  return existsSync(own) ? own : Bun.which(name, { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/go/bin` });
}

/** `test` when all these programs are here; otherwise its tests are skipped and it says so. CI counts a skipped test as failed. */
export function testWith(...names: string[]) {
  const missing = names.filter((name) => findTool(name) === null);
  if (missing.length === 0) return test;
  console.warn(
    `!! SKIPPED: tests that need ${missing.join(", ")}. Install with: sh scripts/test-tools.sh ${missing.join(" ")}`,
  );
  return test.skip;
}
