import { getTraceparent, type LogEntry, type Publish } from "../platform/log/entry.ts";
import type { TailEntry } from "../platform/log/windows.ts";
import type { Metrics } from "../platform/metrics.ts";
import { NO_TRACING, type Span, type Tracing } from "../platform/tracing.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { Hub } from "../realtime/transport.ts";
import type { Program } from "./program.ts";
import type { Log } from "./start-log.ts";

/** The three sources of the hub: what this node commits and what other nodes commit, both at once; and repair from the log. */
export async function startFanOut(
  { logger, tracing }: Program,
  { tail, lease }: Log,
  broker: Broker,
  hub: Hub,
  metrics: Metrics,
): Promise<Publish> {
  const traceEach = createEntryTracer(tracing);
  const deliver = (entries: readonly LogEntry[]) => traceEach("deliver", entries, (each) => hub.publish(each));
  /** Most of what the tail brings has been shown before: only an entry that it brings first continues the trace of its publish. */
  function withTrace(entry: TailEntry): LogEntry {
    const trace = getTraceparent(entry.meta);
    return trace !== undefined && hub.isAwaiting(entry.room, entry.seq) ? { ...entry, trace } : entry;
  }

  await tail.addConsumer({
    name: "fan-out repair",
    from: "now",
    needs: (room, seq) => hub.needs(room, seq),
    handle: async ({ entries }) =>
      traceEach("log tail", tracing === NO_TRACING ? entries : entries.map(withTrace), deliver),
    interrupted: () => hub.compareHeads(),
  });
  tail.pollFasterWhile(() => lease.liveNodes().length > 1 && (broker.kind === "memory" || broker.health() !== "ok"));
  // The consumers of the tail (webhooks) get it as soon as those of the node that committed it.
  broker.receive({
    entries(entries) {
      traceEach("broker receive", entries, deliver);
      tail.notify();
    },
    announced(room, seq) {
      hub.announce(room, seq);
      tail.notify();
    },
  });
  return (entries, tookMs) => {
    metrics.observeAppend(tookMs / 1_000);
    const began = performance.now();
    try {
      deliver(entries);
      traceEach("broker publish", entries, (each) => broker.publish(each));
    } catch (error) {
      // What is committed cannot be undone, and must not be repeated.
      logger.error({ err: error }, "committed entries could not be delivered at once; the log tail delivers them");
    }
    metrics.observeDelivery((performance.now() - began) / 1_000);
    tail.notify();
  };
}

/**
 * Does something with committed entries, in a span for each that is traced: the next step continues below it. The others
 * are passed on as they are.
 */
function createEntryTracer(tracing: Tracing) {
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
