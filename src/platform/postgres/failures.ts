import { AppError } from "../errors.ts";

/** The SQLSTATE of an error that PostgreSQL answered; null for anything else (a lost connection, a defect of ours). */
export function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== "PostgresError") return null;
  return "code" in error && typeof error.code === "string" ? error.code : null;
}

/** Deadlock or serialization failure: nothing was done, and the same transaction may pass at the next try. */
export function mayPassWhenRepeated(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01";
}

/** Somebody else holds a row for longer than lock_timeout, or the other way round as well: nothing was done. */
export function isHeldUp(error: unknown): boolean {
  const state = sqlState(error);
  return state === "55P03" || state === "40P01";
}

/** What the driver calls a connection that could not be made or was lost. */
const AWAY = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "FailedToOpenSocket",
]);

/** The database is away, full or busy; nothing is wrong with what was asked. (SQLSTATE classes 08, 25P03/25P04, 53, 55, 57, 58.) */
export function isAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== null) return /^(08|53|55|57|58|25P0[34])/.test(state) || mayPassWhenRepeated(error);
  return error instanceof Error && "code" in error && typeof error.code === "string" && AWAY.has(error.code);
}

/** `unavailable` (with the cause kept) for a database that is away; every other error as it is. */
export function asAnswer(error: unknown): unknown {
  if (!isAway(error)) return error;
  const answer = new AppError("unavailable", "The database does not answer right now. Try again soon.");
  answer.cause = error;
  return answer;
}
