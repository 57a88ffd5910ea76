import type { TailEntry } from "../../platform/log/windows.ts";
import { isUnavailable } from "../../platform/postgres/database-errors.ts";
import type { Sql, TransactionSql } from "../../platform/postgres/sql.ts";

/** An entry that cannot be recorded, and why. */
export interface Poison {
  entry: TailEntry;
  error: unknown;
}

class TrialDone extends Error {}

/**
 * The entries that make `write` fail by themselves, found by halving; in transactions that are rolled back. A failure of the
 * database itself is rethrown: then nothing is known about the entries.
 */
export async function findPoison(
  sql: Sql,
  entries: readonly TailEntry[],
  write: (tx: TransactionSql, entries: readonly TailEntry[]) => Promise<unknown>,
): Promise<Poison[]> {
  try {
    await sql.begin(async (tx) => {
      await write(tx, entries);
      // Including what a COMMIT would check.
      await tx.unsafe("SET CONSTRAINTS ALL IMMEDIATE");
      throw new TrialDone();
    });
  } catch (error) {
    if (error instanceof TrialDone) return [];
    if (isUnavailable(error)) throw error;
    if (entries.length === 1) return [{ entry: entries[0]!, error }];
  }
  const middle = entries.length >> 1;
  const first = await findPoison(sql, entries.slice(0, middle), write);
  return [...first, ...(await findPoison(sql, entries.slice(middle), write))];
}
