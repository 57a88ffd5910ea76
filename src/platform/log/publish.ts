import type { LogEntry } from "./entry.ts";

/**
 * Shows committed entries to whoever is there. Never throws: what is committed cannot be taken back, and is not to be done again.
 * `took`: ms from the start of their transaction until it was committed, for the metrics.
 */
export type Publish = (entries: readonly LogEntry[], took: number) => void;

/** Makes a Publish of something that may throw. `onError` is told; whoever was not shown the entries gets them from the tail. */
export function createPublish(show: Publish, onError: (error: unknown) => void): Publish {
  return (entries, took) => {
    try {
      show(entries, took);
    } catch (error) {
      onError(error);
    }
  };
}
