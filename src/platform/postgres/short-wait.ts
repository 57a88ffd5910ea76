import { isHeldUp } from "./failures.ts";

/** Long for another node's batch, which is soon through; short for everybody else in this one. */
const SHORT_WAIT_MS = 50;

/**
 * Writes a batch that may wait shortly for rows that others hold, so that batches of several nodes for the same rows take turns. When
 * that was in vain it is written without the items that need such rows.
 *
 * @param write fails with 55P03 after that many ms; with 0 it waits for nobody and says which items it left out
 */
export async function waitShortly<T>(write: (waitMs: number) => Promise<T>): Promise<T> {
  try {
    return await write(SHORT_WAIT_MS);
  } catch (error) {
    if (!isHeldUp(error)) throw error;
    return write(0);
  }
}
