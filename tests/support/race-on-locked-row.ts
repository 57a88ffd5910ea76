import type { Sql, TransactionSql } from "../../src/platform/postgres/sql.ts";
import { waitUntil } from "./wait-until.ts";

/**
 * Starts `racers` while the row `id` of `table` is locked, and unlocks it when all of them wait for it (or are done, which is
 * a fault that the caller will see): a race whose outcome does not depend on time. `meanwhile` runs in the transaction that
 * holds the row, before it commits.
 */
export async function raceOnLockedRow<T>(
  sql: Sql,
  { table, id }: { table: string; id: string },
  racers: () => Promise<T>[],
  meanwhile: (tx: TransactionSql) => Promise<unknown> = async () => {},
): Promise<T[]> {
  let racing: Promise<T>[] = [];
  let through = 0;
  await sql.begin(async (tx) => {
    await tx`SELECT FROM ${tx(table)} WHERE id = ${id} FOR UPDATE`;
    racing = racers();
    for (const racer of racing) {
      racer.finally(() => through++).catch(() => {});
    }
    await waitUntil("all wait for the row", async () => {
      const [row] = await sql`
        SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return row!.n + through >= racing.length;
    });
    await meanwhile(tx);
  });
  return Promise.all(racing);
}
