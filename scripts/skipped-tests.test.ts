import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSkipped, skippedTable } from "./skipped-tests.ts";

const folder = mkdtempSync(join(tmpdir(), "usher-skipped-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a test that lacks a program is skipped, and reported with the command that installs it", async () => {
  const notes = join(folder, "notes");
  const support = join(import.meta.dirname, "../tests/support/tools.ts");
  const file = join(folder, "lacking.test.ts");
  writeFileSync(
    file,
    `import { testWhere, testWith } from "${support}";
     const fails = () => { throw new Error("it ran"); };
     testWith("redis-server", "make")("one", fails);
     testWith("redis-server", "make").concurrent("two", fails);
     testWhere(false, "the moon", "a rocket")("three", fails);
     testWith()("four", () => {});`,
  );
  const child = Bun.spawn([process.execPath, "test", file], {
    env: { PATH: folder, HOME: folder, USHER_SKIPPED_TESTS: notes },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const output = await new Response(child.stderr).text();
  expect(await child.exited).toBe(0);
  expect(output).toContain("3 skip");
  const rows = readSkipped(notes);
  expect(rows.at(-1)).toEqual({ count: 1, unit: "tests", need: "the moon", remedy: "a rocket" });
  expect(rows[0]?.remedy).toContain("your system's package of make");
  expect(skippedTable(rows).split("\n")).toHaveLength(3);
});

test("nothing skipped, nothing printed", () => {
  expect(readSkipped(join(folder, "none"))).toEqual([]);
  expect(skippedTable([])).toBe("");
});
