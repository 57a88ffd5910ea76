import type postgres from "postgres";

/** The pool or a transaction: what a statement of this folder runs on. */
export type Db = postgres.ISql;
