import type { LogEntry } from "./entry.ts";

/**
 * Delivers committed entries to connected clients. Never throws: what is committed cannot be undone, and must not be repeated.
 * `took`: ms from the start of their transaction until it was committed, for the metrics.
 */
export type Publish = (entries: readonly LogEntry[], tookMs: number) => void;

/** Makes a Publish of something that may throw. `onError` is called; clients that were not reached get them from the log tail. */
export function createPublish(deliver: Publish, onError: (error: unknown) => void): Publish {
  return (entries, tookMs) => {
    try {
      deliver(entries, tookMs);
    } catch (error) {
      onError(error);
    }
  };
}
