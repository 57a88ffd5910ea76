import { createInterface } from "node:readline";
import { isatty } from "node:tty";
import { Client, type QueryArrayResult } from "pg";
import { exitWith, StartError } from "../src/config/start-error.ts";
import { withDatabase } from "./numbered-sql.ts";

/**
 * `npm run sql`: statements on Usher's own database, the embedded one too, beside a running Usher or without. With `-c STATEMENTS`
 * it runs these; else what comes by standard input, up to each `;`. For machines without psql; with it, see docs/operating.md.
 */
try {
  const [flag, statements, ...rest] = process.argv.slice(2);
  if (flag !== undefined && (flag !== "-c" || statements === undefined || rest.length > 0)) {
    console.error('Usage: npm run sql -- -c "SELECT 1"');
    process.exit(2);
  }
  await withDatabase((url) => runOn(url, statements));
} catch (error) {
  exitWith(error);
}

async function runOn(url: string, statements: string | undefined): Promise<void> {
  const client = new Client({ connectionString: url, application_name: "usher sql" });
  await client.connect();
  try {
    if (statements === undefined) await runInteractive(client);
    else await run(client, statements);
  } finally {
    await client.end();
  }
}

/** In a terminal an error is printed and the prompt returns; in a script it ends the run, as with -c. */
async function runInteractive(client: Client): Promise<void> {
  const inTerminal = isatty(0);
  const lines = createInterface({
    input: process.stdin,
    output: inTerminal ? process.stdout : undefined,
    prompt: "usher=> ",
  });
  if (inTerminal) console.log("Statements end with a semicolon. Ctrl+D ends this.");
  let text = "";
  const showPrompt = () => {
    if (!inTerminal) return;
    lines.setPrompt(text === "" ? "usher=> " : "usher-> ");
    lines.prompt();
  };
  showPrompt();
  for await (const line of lines) {
    text += `${line}\n`;
    if (line.trimEnd().endsWith(";")) {
      await run(client, text).catch((error: unknown) => {
        if (!inTerminal) throw error;
        console.error(error instanceof Error ? error.message : error);
      });
      text = "";
    }
    showPrompt();
  }
  if (text.trim() !== "") await run(client, text);
}

async function run(client: Client, statements: string): Promise<void> {
  let result: QueryArrayResult | QueryArrayResult[];
  try {
    result = await client.query({ text: statements, rowMode: "array" });
  } catch (error) {
    throw new StartError(`PostgreSQL says: ${error instanceof Error ? error.message : error}`);
  }
  for (const one of Array.isArray(result) ? result : [result]) print(one);
}

function print({ command, fields, rows, rowCount }: QueryArrayResult): void {
  if (fields.length === 0) {
    console.log(rowCount === null ? command : `${command} ${rowCount}`);
    return;
  }
  const table = [fields.map(({ name }) => name), ...rows.map((row) => row.map(formatValue))];
  const widths = fields.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    );
  console.log(`(${rows.length} ${rows.length === 1 ? "row" : "rows"})\n`);
}

function formatValue(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
