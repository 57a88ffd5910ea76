import { isLockTimeout } from "./database-errors.ts";

/** Long for another node's batch, which soon ends; short for the other items of this one. */
const LOCK_TIMEOUT_MS = 50;

/**
 * Writes a batch that may wait shortly for rows that others have locked, so that batches of several nodes for the same rows take turns. When
 * that is not enough it is written without the items that need such rows.
 *
 * @param write fails with 55P03 after that many ms; with 0 it does not wait and returns which items it left out
 */
export async function withLockTimeout<T>(write: (waitMs: number) => Promise<T>): Promise<T> {
  try {
    return await write(LOCK_TIMEOUT_MS);
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    return write(0);
  }
}
