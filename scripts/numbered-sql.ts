import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { readConfig } from "../src/config/read.ts";
import { StartError } from "../src/config/start-error.ts";
import { connectDatabase } from "../src/platform/postgres/database-server.ts";
import { type MigrationSet, migrateDown, migrateUp, migrationStatus } from "../src/platform/postgres/migrate.ts";

/** What every numbered set of SQL files understands, for the usage line. */
export const SET_COMMANDS = "create NAME | up | down [N] | status";

/**
 * Runs one command on a set and prints what it did. A trailing "sql" and "-dir FOLDER" are ignored: hands that are used
 * to other migration tools type them.
 *
 * @returns false for a command that it does not know
 */
export async function runSetCommand(set: MigrationSet, args: string[]): Promise<boolean> {
  const dir = args.findIndex((arg) => /^--?dir$/.test(arg));
  const [command, operand, ...rest] = dir < 0 ? args : args.toSpliced(dir, 2);
  if (rest.some((word) => word !== "sql")) return false;
  switch (command) {
    case "create":
      return operand !== undefined && create(set, operand);
    case "up":
      return report(
        await withDatabase((url) => migrateUp(url, set)),
        "applied",
        "Nothing to apply: all is up to date.",
      );
    case "down": {
      const count = Number(operand ?? 1);
      if (!Number.isInteger(count) || count < 1) throw new StartError(`"down" takes a whole number, not "${operand}".`);
      return report(await withDatabase((url) => migrateDown(url, set, count)), "undone", "Nothing to undo.");
    }
    case "status": {
      const states = await withDatabase((url) => migrationStatus(url, set));
      for (const { version, name, applied } of states) {
        console.log(`${String(version).padStart(3, "0")} ${name.padEnd(30)} ${applied ? "applied" : "not applied"}`);
      }
      return true;
    }
    default:
      return false;
  }
}

/** Lends the URL of this Usher's database: DATABASE_URL, or the embedded server, which is started when it does not run. */
export async function withDatabase<T>(work: (url: string) => Promise<T>): Promise<T> {
  const server = await connectDatabase(readConfig(), (level, line) => {
    if (level === "warn") console.error(line);
  });
  try {
    return await work(server.url);
  } finally {
    await server.stop();
  }
}

function create(set: MigrationSet, name: string): boolean {
  if (!/^[a-z0-9]+([-_][a-z0-9]+)*$/i.test(name)) {
    throw new StartError(`A name is made of letters, digits, "-" and "_"; "${name}" is not.`);
  }
  mkdirSync(set.folder, { recursive: true });
  const last = Math.max(0, ...readdirSync(set.folder).map((file) => Number.parseInt(file, 10) || 0));
  const number = String(last + 1).padStart(3, "0");
  for (const [action, purpose] of [
    ["do", "What this changes, and why."],
    ["undo", "Takes back what the file beside it does."],
  ]) {
    const file = join(set.folder, `${number}.${action}.${name.toLowerCase()}.sql`);
    writeFileSync(file, `-- ${purpose}\n`, { flag: "wx" });
    console.log(`made ${relative(process.cwd(), file)}`);
  }
  return true;
}

function report(names: string[], verb: string, nothing: string): boolean {
  for (const name of names) console.log(`${verb} ${name}`);
  if (names.length === 0) console.log(nothing);
  return true;
}
