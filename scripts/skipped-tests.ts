import { existsSync, readFileSync } from "node:fs";

/** Tests that did not run because this machine lacks something. */
export interface Skipped {
  count: number;
  /** What is counted: tests, or whole files of them. */
  unit: "tests" | "files";
  need: string;
  /** How to get it. */
  remedy: string;
}

/** Adds up what test files noted (tests/support/tools.ts): a line of JSON for each test. */
export function readSkipped(file: string): Skipped[] {
  if (!existsSync(file)) return [];
  const sums = new Map<string, Skipped>();
  for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
    const { need, remedy } = JSON.parse(line) as { need: string; remedy: string };
    const sum = sums.get(need) ?? { count: 0, unit: "tests", need, remedy };
    sums.set(need, { ...sum, count: sum.count + 1 });
  }
  return [...sums.values()].sort((a, b) => b.count - a.count);
}

/** A table for the end of the output: how many, what they need, how to install it. */
export function skippedTable(rows: Skipped[]): string {
  if (rows.length === 0) return "";
  const cells = rows.map(({ count, unit, need, remedy }) => [`${count} ${unit}`, need, remedy]);
  const all = [["skipped", "needs", "install"], ...cells];
  const widths = [0, 1].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map(([skipped, need, remedy]) => `  ${skipped!.padStart(widths[0]!)}  ${need!.padEnd(widths[1]!)}  ${remedy}`)
    .join("\n");
}
