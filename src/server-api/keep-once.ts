import { AppError } from "../platform/errors.ts";
import type { Attempt } from "../platform/http/run-idempotent.ts";
import type { NewEntry } from "../platform/log/entry.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Keep } from "./keeping.ts";
import { isKept } from "./store/kept.ts";

/**
 * Keeps an entry, unless an attempt with the same Idempotency-Key has kept it before: its node died, or lost the commit's answer.
 *
 * @param attempt whose mark is in the entry's `meta`
 */
export type KeepOnce = (entry: NewEntry, attempt: Attempt | undefined) => Promise<void>;

export function createKeepOnce(sql: Sql, keep: Keep): KeepOnce {
  return async (entry, attempt) => {
    if (attempt?.isRetry && (await isKept(sql, entry.room, attempt.mark).catch(notKnown))) return;
    await keep(entry);
  };
}

/** With a cause that is no refusal: the key must not be free as if nothing had been kept. */
function notKnown(error: unknown): never {
  const answer = new AppError("unavailable", "Whether this was kept before cannot be read right now. Try again soon.");
  answer.cause = new Error("an attempt before may have been kept", { cause: error });
  throw answer;
}
