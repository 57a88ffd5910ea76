import { type LogEntry, traceOf } from "../platform/log/entry.ts";
import { createPublish, type Publish } from "../platform/log/publish.ts";
import type { TailEntry } from "../platform/log/windows.ts";
import type { Metrics } from "../platform/metrics.ts";
import { NO_TRACING } from "../platform/tracing.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { Hub } from "../realtime/transport.ts";
import type { Log } from "./log.ts";
import type { Program } from "./program.ts";
import { eachTraced } from "./traced.ts";

/** The three ways to the hub: what this node commits, what other nodes commit, both at once; and what the log has besides. */
export async function startFanOut(
  { logger, tracing }: Program,
  { tail, lease }: Log,
  broker: Broker,
  hub: Hub,
  metrics: Metrics,
): Promise<Publish> {
  const inSpans = eachTraced(tracing);
  const deliver = (entries: readonly LogEntry[]) => inSpans("deliver", entries, (each) => hub.publish(each));
  /** Most of what the tail brings has been shown before: only what it is first with goes on with the trace of its publish. */
  function traced(entry: TailEntry): LogEntry {
    const trace = traceOf(entry.meta);
    return trace !== undefined && hub.isAwaiting(entry.room, entry.seq) ? { ...entry, trace } : entry;
  }

  await tail.read({
    name: "fan-out repair",
    from: "now",
    takes: (room, seq) => hub.needs(room, seq),
    handle: async ({ entries }) => inSpans("log tail", tracing === NO_TRACING ? entries : entries.map(traced), deliver),
    interrupted: () => hub.compareHeads(),
  });
  tail.hurryWhile(() => lease.living().length > 1 && (broker.kind === "memory" || broker.health() !== "ok"));
  // The tail's readers (webhooks) get it as soon as those of the node that committed it.
  broker.receive({
    entries(entries) {
      inSpans("broker receive", entries, deliver);
      tail.nudge();
    },
    announced(room, seq) {
      hub.announce(room, seq);
      tail.nudge();
    },
  });
  const show = createPublish(
    (entries, took) => {
      metrics.appended(took / 1_000);
      const began = performance.now();
      deliver(entries);
      inSpans("broker publish", entries, (each) => broker.publish(each));
      metrics.delivered((performance.now() - began) / 1_000);
    },
    (error) => logger.error({ err: error }, "committed entries could not be shown at once; the tail shows them"),
  );
  return (entries, took) => {
    show(entries, took);
    tail.nudge();
  };
}
