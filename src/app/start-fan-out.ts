import { getTraceparent, type LogEntry } from "../platform/log/entry.ts";
import { createPublish, type Publish } from "../platform/log/publish.ts";
import type { TailEntry } from "../platform/log/windows.ts";
import type { Metrics } from "../platform/metrics.ts";
import { NO_TRACING } from "../platform/tracing.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { Hub } from "../realtime/transport.ts";
import { createEntryTracer } from "./entry-tracer.ts";
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
  const publish = createPublish(
    (entries, tookMs) => {
      metrics.observeAppend(tookMs / 1_000);
      const began = performance.now();
      deliver(entries);
      traceEach("broker publish", entries, (each) => broker.publish(each));
      metrics.observeDelivery((performance.now() - began) / 1_000);
    },
    (error) =>
      logger.error({ err: error }, "committed entries could not be delivered at once; the log tail delivers them"),
  );
  return (entries, tookMs) => {
    publish(entries, tookMs);
    tail.notify();
  };
}
