import { test } from "bun:test";
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";

const TOOLS_DIR = join(import.meta.dirname, "../../.cache/tools/bin");

/** The argument of scripts/test-tools.sh for a program, where it is not the program's own name. */
const INSTALL_NAMES: Record<string, string> = {
  "redis-server": "redis",
  "redis-cli": "redis",
  "nats-server": "nats",
  "oapi-codegen": "openapi-go",
  "protoc-gen-go-grpc": "protoc-gen-go",
};
/** What comes from the system's packages and not from that script. */
const SYSTEM_TOOLS = ["curl", "go", "jq", "make", "mount", "node"];

/** A program that npm does not bring: where scripts/test-tools.sh put it, or on the PATH; null when it is not here. */
export function findTool(name: string): string | null {
  const own = join(TOOLS_DIR, name);
  return existsSync(own) ? own : Bun.which(name, { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/go/bin` });
}

/** `test` when all these programs are installed; otherwise its tests are skipped and listed. CI counts a skipped test as failed. */
export function testWith(...names: string[]): typeof test {
  const missing = names.filter((name) => findTool(name) === null);
  if (missing.length === 0) return test;
  return skipWithNote(missing.join(", "), howToInstall(missing));
}

/** `test` when this machine can do what these tests need; otherwise they are skipped as those of `testWith`. */
export function testWhere(isPossible: boolean, need: string, remedy: string): typeof test {
  return isPossible ? test : skipWithNote(need, remedy);
}

export function howToInstall(programs: string[]): string {
  const words = new Set(
    programs.filter((name) => !SYSTEM_TOOLS.includes(name)).map((name) => INSTALL_NAMES[name] ?? name),
  );
  const system = programs.filter((name) => SYSTEM_TOOLS.includes(name));
  return [
    ...(words.size > 0 ? [`sh scripts/test-tools.sh ${[...words].join(" ")}`] : []),
    ...(system.length > 0 ? [`your system's package of ${system.join(", ")}`] : []),
  ].join("; ");
}

/** A `test.skip` that notes each of its tests for the table that `npm test` prints last. */
function skipWithNote(need: string, remedy: string): typeof test {
  const notes = process.env.USHER_SKIPPED_TESTS;
  if (!notes) console.warn(`!! SKIPPED: tests that need ${need}. Install: ${remedy}`);
  return new Proxy(test.skip, {
    apply(skip, self, args) {
      if (notes) appendFileSync(notes, `${JSON.stringify({ need, remedy })}\n`);
      return Reflect.apply(skip, self, args);
    },
    get: (skip, key, self) => (key === "concurrent" ? self : Reflect.get(skip, key)),
  }) as typeof test;
}
