import { join } from "node:path";
import type { MigrationSet } from "./migrate.ts";

const DB = join(import.meta.dirname, "../../../db");

/** The schema. */
export const MIGRATIONS: MigrationSet = { folder: join(DB, "migrations"), table: "schema_migrations" };

/** Example data, applied only when asked for. */
export const SEEDS: MigrationSet = { folder: join(DB, "seeds"), table: "schema_seeds" };
