import { DatabaseError } from "pg";
import { AppError } from "../errors.ts";
import { ConnectionLost } from "./sql-connection.ts";

/** The SQLSTATE of an error that PostgreSQL returned; null for anything else (a lost connection, a defect of ours). */
export function sqlState(error: unknown): string | null {
  return error instanceof DatabaseError ? (error.code ?? null) : null;
}

/** The unique constraint that a statement broke; null for any other error. */
export function getViolatedUnique(error: unknown): string | null {
  return error instanceof DatabaseError && error.code === "23505" ? (error.constraint ?? null) : null;
}

/** Deadlock or serialization failure: nothing was done, and the same transaction may pass at the next try. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01";
}

/** Another transaction has a row locked for longer than lock_timeout, or each waits for the other (deadlock): nothing was done. */
export function isLockTimeout(error: unknown): boolean {
  const state = sqlState(error);
  return state === "55P03" || state === "40P01";
}

/** The database responds, but accepts no writes: no room on the disk; read-only, as a replica is and as managed servers become when full. */
export function isWriteRefused(error: unknown): boolean {
  const state = sqlState(error);
  return state === "53100" || state === "25006";
}

/**
 * The database is unavailable, full, read-only or busy; nothing is wrong with what was asked. (SQLSTATE classes 08, 25P03/25P04, 53, 55, 57,
 * 58, and 25006.)
 */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) return /^(08|53|55|57|58|25P0[34])/.test(state) || isWriteRefused(error) || isRetryable(error);
  return error instanceof ConnectionLost;
}

/**
 * Whether a failure is a refusal: PostgreSQL returned an error, or one of ours was thrown without a cause. False when it may
 * have come after a COMMIT: a lost connection, a server that shut down, a defect.
 */
export function isDefinitelyNotCommitted(error: unknown): boolean {
  if (error instanceof AppError) return error.cause === undefined || isDefinitelyNotCommitted(error.cause);
  const state = sqlState(error);
  return state !== null && !/^(08|57P)/.test(state);
}

/** `unavailable` (with the cause, and when to try again) for a database that is unavailable; every other error as it is. */
export function toAppError(error: unknown): unknown {
  if (!isUnavailable(error)) return error;
  const appError = isWriteRefused(error)
    ? new AppError("unavailable", "The server cannot write right now; reading works. Try again soon.", {
        retry_after: 5,
      })
    : new AppError("unavailable", "The database does not respond right now. Try again soon.", { retry_after: 1 });
  appError.cause = error;
  return appError;
}
