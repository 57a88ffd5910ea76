import { exitWith, StartError } from "../src/config/start-error.ts";
import { openDatabase } from "../src/platform/postgres/pool.ts";
import { withDatabase } from "./numbered-sql.ts";

/**
 * `npm run new-epoch`: after an old copy of the database was put back. Positions of clients then count entries that are not there
 * any more; with another epoch they are void, and clients load their state again. Running nodes see it within a second.
 */
try {
  if (process.argv.length > 2) {
    console.error("It takes no arguments: npm run new-epoch");
    process.exit(2);
  }
  await withDatabase(startNewEpoch);
} catch (error) {
  exitWith(error);
}

async function startNewEpoch(url: string): Promise<void> {
  const { sql, close } = openDatabase(url, { name: "usher new-epoch", max: 1 });
  try {
    const [row] = await sql<{ missing: boolean }[]>`SELECT to_regclass('log_life') IS NULL AS missing`;
    if (row?.missing)
      throw new StartError(
        "This database has no log of this release yet. Apply the migrations first: npm run migrate -- up",
      );
    await sql`
      INSERT INTO log_life (life) VALUES (gen_random_uuid()) ON CONFLICT (one) DO UPDATE SET life = excluded.life`;
    const [{ epoch } = { epoch: "" }] = await sql<{ epoch: string }[]>`SELECT log_epoch() AS epoch`;
    console.log(`The log has a new epoch, ${epoch}: clients that reconnect load the state again.`);
  } finally {
    await close();
  }
}
