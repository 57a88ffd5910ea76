import { tellSessionsEnded } from "./changes.ts";
import type { Parts } from "./parts.ts";
import { deleteExpiredResets } from "./store/password-resets.ts";
import { deleteExpiredHits } from "./store/rate-limits.ts";
import { deleteExpiredSessions } from "./store/sessions.ts";

/**
 * Removes what has expired, and closes the sockets of sessions that have. Who may come in does not depend on it: every read
 * has the expiry as a condition.
 */
export async function sweep({ sql, transaction }: Parts): Promise<void> {
  await transaction({ actor: "sweep" }, async (tx) => tellSessionsEnded(tx, await deleteExpiredSessions(tx.sql)));
  await deleteExpiredResets(sql);
  await deleteExpiredHits(sql);
}
