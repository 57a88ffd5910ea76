import type { Parts } from "./parts.ts";
import { deleteExpiredResets } from "./store/password-resets.ts";
import { deleteExpiredHits } from "./store/rate-limits.ts";
import { deleteExpiredSessions } from "./store/sessions.ts";

/** Removes what has expired. Nothing depends on it: every read has the expiry as a condition. */
export async function sweep({ sql }: Parts): Promise<void> {
  await deleteExpiredSessions(sql);
  await deleteExpiredResets(sql);
  await deleteExpiredHits(sql);
}
