import { exitWith } from "../src/config/start-error.ts";
import { migrateUp } from "../src/platform/postgres/migrate.ts";
import { MIGRATIONS, SEEDS } from "../src/platform/postgres/migration-sets.ts";
import { openDatabase } from "../src/platform/postgres/pool.ts";
import { DEMO_PASSWORD, seedDemo } from "./demo.ts";
import { runSetCommand, SET_COMMANDS, withDatabase } from "./numbered-sql.ts";

/** `npm run seed -- …`: example data. Numbered files like the migrations', and `demo`, a whole community to explore. */
try {
  const args = process.argv.slice(2);
  if (args[0] === "demo") await withDatabase(demo);
  else if (!(await runSetCommand(SEEDS, args))) {
    console.error(`Usage: npm run seed -- demo | ${SET_COMMANDS}`);
    process.exit(2);
  }
} catch (error) {
  exitWith(error);
}

async function demo(url: string): Promise<void> {
  await migrateUp(url, MIGRATIONS);
  const database = openDatabase(url, { name: "usher seed", timeoutMs: null });
  let isNew: boolean;
  try {
    isNew = await seedDemo(database.sql);
  } finally {
    await database.close();
  }
  console.log(
    `${isNew ? "" : "The demo is there already: "}50 people, 12 channels, 5,000 messages. Sign in as "ada.abel" or any other with the password ${DEMO_PASSWORD}.\n` +
      "Everyone who reads this program knows that password: keep the demo away from servers that others reach.",
  );
}
