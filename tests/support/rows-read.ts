import type { Sql, TransactionSql } from "../../src/platform/postgres/sql.ts";

/**
 * How many rows PostgreSQL reads for `work`: in scans of tables and of indexes, also inside functions.
 * A LIMIT, a window or a guard that bounds only the result shows here. What `work` writes is rolled back.
 */
export async function countRowsRead(sql: Sql, work: (sql: Sql) => Promise<unknown>): Promise<number> {
  let rows = 0;
  await sql
    .begin("isolation level read committed", async (tx) => {
      // Helpers count for themselves and would be missed here.
      await tx`SET LOCAL max_parallel_workers_per_gather = 0`;
      const before = await readSoFar(tx);
      await work(Object.assign(tx, joinTransaction(tx)));
      rows = (await readSoFar(tx)) - before;
      throw ROLLED_BACK;
    })
    .catch((error: unknown) => {
      if (error !== ROLLED_BACK) throw error;
    });
  return rows;
}

const ROLLED_BACK = new Error("It was only measured.");

/** A transaction inside of the one that measures is a part of it. */
function joinTransaction(tx: TransactionSql): Pick<Sql, "begin" | "reserve"> {
  return {
    begin: <T>(mode: string | ((tx: TransactionSql) => Promise<T>), work?: (tx: TransactionSql) => Promise<T>) =>
      (typeof mode === "string" ? work! : mode)(tx),
    reserve: (work) => work(tx),
  };
}

/** Counted by the server for this connection since it last flushed its statistics; so only differences are meaningful. */
async function readSoFar(tx: TransactionSql): Promise<number> {
  const [row] = await tx<{ rows: number }[]>`
    SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(oid)), 0)::float8 AS rows FROM pg_class
    WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace`;
  return row!.rows;
}
