import { repeatUntilEmpty, SWEEP_BATCH } from "../platform/postgres/sweep-batches.ts";
import { tellSessionsEnded } from "./changes.ts";
import { fillKeys } from "./fill-keys.ts";
import type { Parts } from "./parts.ts";
import { REUSE_WINDOW } from "./sessions.ts";
import { deleteExpiredResets } from "./store/password-resets.ts";
import { deleteExpiredHits } from "./store/rate-limits.ts";
import { deleteOldUses } from "./store/refresh-tokens.ts";
import { deleteExpiredSessions } from "./store/sessions.ts";

/**
 * Removes what has expired, and closes the sockets of sessions that have. Who may come in does not depend on it: every read
 * has the expiry as a condition. And makes what a release before this one left out.
 */
export async function sweep({ sql, transaction }: Parts): Promise<void> {
  await repeatUntilEmpty(() =>
    transaction({ actor: "sweep" }, async (tx) => {
      const ended = await deleteExpiredSessions(tx.sql, SWEEP_BATCH);
      tellSessionsEnded(tx, ended);
      return ended.length;
    }),
  );
  await repeatUntilEmpty(() => deleteOldUses(sql, REUSE_WINDOW, SWEEP_BATCH));
  await deleteExpiredResets(sql);
  await repeatUntilEmpty(() => deleteExpiredHits(sql, SWEEP_BATCH));
  await fillKeys(sql);
}
