import { repeatUntilEmpty, SWEEP_BATCH } from "../platform/postgres/sweep-batches.ts";
import { emitSessionsEnded } from "./access-changes.ts";
import { backfillKeys } from "./backfill-keys.ts";
import type { IdentityContext } from "./identity-context.ts";
import { REUSE_WINDOW_MS } from "./sessions.ts";
import { deleteExpiredResets } from "./store/password-resets.ts";
import { deleteExpiredWindows } from "./store/rate-limits.ts";
import { deleteUsedTokens } from "./store/refresh-tokens.ts";
import { deleteExpiredSessions } from "./store/sessions.ts";

/**
 * Removes what has expired, and closes the sockets of sessions that have. No check depends on it: every read
 * has the expiry as a condition. Also creates the keys that an earlier release did not write.
 */
export async function sweep({ sql, transaction }: IdentityContext): Promise<void> {
  await repeatUntilEmpty(() =>
    transaction({ actor: "sweep" }, async (tx) => {
      const ended = await deleteExpiredSessions(tx.sql, SWEEP_BATCH);
      emitSessionsEnded(tx, ended);
      return ended.length;
    }),
  );
  await repeatUntilEmpty(() => deleteUsedTokens(sql, REUSE_WINDOW_MS, SWEEP_BATCH));
  await deleteExpiredResets(sql);
  await repeatUntilEmpty(() => deleteExpiredWindows(sql, SWEEP_BATCH));
  await backfillKeys(sql);
}
