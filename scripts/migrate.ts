import { exitWith } from "../src/config/start-error.ts";
import { MIGRATIONS } from "../src/platform/postgres/migration-sets.ts";
import { runSetCommand, SET_COMMANDS } from "./numbered-sql.ts";

/** `npm run migrate -- …`: the schema. */
try {
  if (!(await runSetCommand(MIGRATIONS, process.argv.slice(2)))) {
    console.error(`Usage: npm run migrate -- ${SET_COMMANDS}`);
    process.exit(2);
  }
} catch (error) {
  exitWith(error);
}
