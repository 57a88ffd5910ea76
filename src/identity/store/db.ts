import type { ISql } from "../../platform/postgres/sql.ts";

/** The pool or a transaction, for the statements of this folder. */
export type Db = ISql;
