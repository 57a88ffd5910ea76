import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Holds protocol/SPEC.md to its tests: each rule has one whose title begins with its number, and each number means a rule. */
const ROOT = join(import.meta.dirname, "..");
const TESTS = "{protocol,scripts,sdk,src,tests,web}/**/*.test.{ts,tsx}";

/** The numbers of the rules, in the order of the page. */
function findRules(markdown: string): string[] {
  return [...markdown.matchAll(/^- \*\*([A-Z]{2}-\d+)\*\* /gm)].map(([, rule = ""]) => rule);
}

/** The numbers that titles begin with, as in `test("JN-4 RC-1 a client that …")`; of `test`, not of `describe`. */
function provenBy(source: string): string[] {
  const titles = source.matchAll(/^\s*test(?:\.\w+)?\(\s*["'`]((?:[A-Z]{2}-\d+ )+)/gm);
  return [...titles].flatMap(([, numbers = ""]) => numbers.trim().split(" "));
}

/** What is wrong between the rules and the titles, as sentences. */
function faults(markdown: string, sources: readonly string[]): string[] {
  const rules = findRules(markdown);
  const proven = new Set(sources.flatMap(provenBy));
  return [
    ...rules.filter((rule, place) => rules.indexOf(rule) !== place).map((rule) => `${rule} is there twice`),
    ...rules.filter((rule) => !proven.has(rule)).map((rule) => `${rule} has no test`),
    ...[...proven].filter((rule) => !rules.includes(rule)).map((rule) => `a test proves ${rule}, which is no rule`),
  ];
}

test("every rule of protocol/SPEC.md has a test, and every test proves a rule", () => {
  const files = [...new Bun.Glob(TESTS).scanSync({ cwd: ROOT })].filter((file) => !file.includes("node_modules"));
  const sources = files.map((file) => readFileSync(join(ROOT, file), "utf8"));
  expect(faults(readFileSync(join(ROOT, "protocol/SPEC.md"), "utf8"), sources)).toEqual([]);
});

test("the check itself sees planted faults", () => {
  const markdown = ["## XA One", "- **XA-1** A.", "- **XA-2** B.", "- **XA-2** C.", "- **XA-3** D."].join("\n");
  const planted = ['test("XA-1 XA-2 both", run);', 'describe("XA-3 a heading", run);', "  test(`XA-9 none`, run);"];
  expect(faults(markdown, planted)).toEqual([
    "XA-2 is there twice",
    "XA-3 has no test",
    "a test proves XA-9, which is no rule",
  ]);
});
