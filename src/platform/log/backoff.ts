const MIN_BACKOFF_MS = 100;
export const MAX_BACKOFF_MS = 30_000;

/** How long a consumer of the log waits after so many failures before this one, in ms. */
export function backoffMs(failures: number): number {
  return Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** failures);
}
