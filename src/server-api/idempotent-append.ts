import { AppError } from "../platform/errors.ts";
import type { Attempt } from "../platform/http/run-idempotent.ts";
import type { NewEntry } from "../platform/log/entry.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { BatchedAppend } from "./batched-append.ts";
import { isAppended } from "./store/idempotency-mark.ts";

/**
 * Appends an entry, unless an attempt with the same Idempotency-Key has appended it before: its node died, or lost the commit's response.
 *
 * @param attempt whose mark is in the entry's `meta`
 */
export type IdempotentAppend = (entry: NewEntry, attempt: Attempt | undefined) => Promise<void>;

export function createIdempotentAppend(sql: Sql, append: BatchedAppend): IdempotentAppend {
  return async (entry, attempt) => {
    if (attempt?.isRetry && (await isAppended(sql, entry.room, attempt.mark).catch(throwOutcomeUnknown))) return;
    await append(entry);
  };
}

/** With a cause that is no refusal: the key must not be released as if nothing had been appended. */
function throwOutcomeUnknown(error: unknown): never {
  const unavailable = new AppError(
    "unavailable",
    "Whether this was stored before cannot be read right now. Try again soon.",
  );
  unavailable.cause = new Error("an earlier attempt may have been stored", { cause: error });
  throw unavailable;
}
