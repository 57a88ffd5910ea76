import { startEmbedded } from "../../src/platform/postgres/embedded.ts";
import { openDatabase } from "../../src/platform/postgres/pool.ts";

/** A process that owns an embedded server and writes into it until it is killed. Prints each number once it is committed. */
const server = await startEmbedded({ dataDir: process.argv[2]! });
console.log(`server ${server.pid()}`);
const { sql } = openDatabase(server.url, { max: 1 });
await sql`CREATE TABLE IF NOT EXISTS facts (n int PRIMARY KEY)`;
for (let n = 1; ; n++) {
  await sql`INSERT INTO facts VALUES (${n})`;
  console.log(`committed ${n}`);
}
