import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

export type Row = Record<string, string | number | null>;

/** Prints one table and writes the same as JSON to bench/results/NAME.json, with what the machine was. */
export function report(name: string, rows: Row[], notes: string[] = []): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: string | number | null | undefined) =>
    value === null || value === undefined
      ? "–"
      : typeof value === "number"
        ? value.toLocaleString("en-US", { maximumFractionDigits: 2 })
        : value;
  const table = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))];
  const widths = columns.map((_, at) => Math.max(...table.map((line) => line[at]!.length)));
  const line = (cells: string[]) => `| ${cells.map((text, at) => text.padEnd(widths[at]!)).join(" | ")} |`;
  console.log(line(table[0]!));
  console.log(`|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
  for (const cells of table.slice(1)) console.log(line(cells));
  for (const note of notes) console.log(`  ${note}`);
  const folder = `${import.meta.dir}/results`;
  mkdirSync(folder, { recursive: true });
  const machine = {
    cores: cpus().length,
    model: cpus()[0]?.model ?? "unknown",
    memory_gib: Math.round(totalmem() / 2 ** 30),
  };
  writeFileSync(
    `${folder}/${name}.json`,
    `${JSON.stringify({ name, at: new Date().toISOString(), machine, rows, notes }, null, 2)}\n`,
  );
}
