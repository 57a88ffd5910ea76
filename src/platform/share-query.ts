import { setTimeout as sleep } from "node:timers/promises";

/** ms. A frozen database must not block the metrics that show it. */
const READ_TIMEOUT_MS = 1_000;

/** For several metrics of one query: calls while it is under way share it. Null when it failed, or has not returned in time. */
export function shareQuery<T>(read: () => Promise<T>): () => Promise<T | null> {
  let pending: Promise<T | null> | null = null;
  return () => {
    pending ??= read()
      .catch(() => null)
      .finally(() => {
        pending = null;
      });
    return Promise.race([pending, sleep(READ_TIMEOUT_MS, null, { ref: false })]);
  };
}
