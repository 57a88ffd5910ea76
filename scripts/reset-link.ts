import { hostname } from "node:os";
import { readConfig } from "../src/config/read.ts";
import { exitWith, StartError } from "../src/config/start-error.ts";
import { getPublicUrl } from "../src/identity/identity-context.ts";
import { makeResetLinkFor } from "../src/identity/reset-links.ts";
import { openDatabase } from "../src/platform/postgres/pool.ts";
import type { Sql } from "../src/platform/postgres/sql.ts";
import { withDatabase } from "./numbered-sql.ts";

/**
 * `npm run reset-link -- NAME_OR_EMAIL`: prints a link to set a new password. The way in for an owner who has forgotten theirs
 * where no mail server is set; anyone who can run it can read the database anyway.
 */
try {
  const [nameOrEmail, ...rest] = process.argv.slice(2);
  if (!nameOrEmail || rest.length > 0) {
    console.error("Usage: npm run reset-link -- NAME_OR_EMAIL");
    process.exit(2);
  }
  await withDatabase((url) => printLink(url, nameOrEmail));
} catch (error) {
  exitWith(error);
}

async function printLink(url: string, nameOrEmail: string): Promise<void> {
  const { sql, close } = openDatabase(url, { name: "usher reset-link", max: 1 });
  try {
    const [row] = await sql<{ empty: boolean }[]>`SELECT to_regclass('users') IS NULL AS empty`;
    if (row?.empty)
      throw new StartError("This database has no accounts yet. Start Usher, and make the first one there.");
    const found = await makeResetLinkFor({ sql, publicUrl: await resolvePublicUrl(sql) }, nameOrEmail);
    if (found === null)
      throw new StartError(`No account made on this server has the name or address "${nameOrEmail}".`);
    console.log(`Open this link within an hour to set a new password for ${found.username}:\n${found.link}`);
  } finally {
    await close();
  }
}

/** PUBLIC_URL; without it the address that a running node reports; without one, the address that the settings give. */
async function resolvePublicUrl(sql: Sql): Promise<string> {
  const config = readConfig();
  const configured = getPublicUrl(config);
  if (config.PUBLIC_URL !== null) return configured;
  const [running] = await sql<{ address: string }[]>`
    SELECT address FROM nodes
    WHERE address <> '' AND seen_at > clock_timestamp() - interval '10 s' AND roles && ARRAY['all', 'web']
    ORDER BY id LIMIT 1`;
  if (running === undefined) {
    console.error(`Usher does not run now. The link works once it does, at ${configured} if that is where it listens.`);
    return configured;
  }
  const { protocol } = new URL(configured);
  const [host, port] = running.address.split(/:(?=\d+$)/);
  return `${protocol}//${host === hostname() ? "localhost" : host}:${port}`;
}
