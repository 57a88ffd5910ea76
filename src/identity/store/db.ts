import type { ISql } from "../../platform/postgres/sql.ts";

/** The pool or a transaction: what a statement of this folder runs on. */
export type Db = ISql;
