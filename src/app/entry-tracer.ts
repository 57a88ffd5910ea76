import type { LogEntry } from "../platform/log/entry.ts";
import { NO_TRACING, type Span, type Tracing } from "../platform/tracing.ts";

/**
 * Does something with committed entries, in a span for each that is traced: the next step continues below it. The others
 * are passed on as they are.
 */
export function createEntryTracer(tracing: Tracing) {
  return (name: string, entries: readonly LogEntry[], work: (entries: readonly LogEntry[]) => void): void => {
    if (tracing === NO_TRACING || entries.every(({ trace }) => trace === undefined)) {
      work(entries);
      return;
    }
    const spans: Span[] = [];
    const below = entries.map((entry) => {
      const span = entry.trace === undefined ? null : tracing.begin(name, entry.trace);
      if (span === null) return entry;
      spans.push(span);
      return { ...entry, trace: span.traceparent };
    });
    try {
      work(below);
    } finally {
      for (const span of spans) span.end();
    }
  };
}
