import { Gauge, type Registry } from "prom-client";
import { shareQuery } from "../share-query.ts";
import type { ConsumerStatus } from "./status.ts";

/** The `usher_log_consumer_…` gauges. Every process reads the same database; a failure leaves the last values. */
export function addConsumerMetrics(registry: Registry, read: () => Promise<ConsumerStatus[]>): void {
  const query = shareQuery(read);
  const gauge = (name: string, help: string, value: (consumer: ConsumerStatus) => number) =>
    new Gauge({
      name: `usher_log_consumer_${name}`,
      help,
      labelNames: ["consumer"],
      aggregator: "max",
      registers: [registry],
      async collect() {
        const found = await query();
        if (found === null) return;
        this.reset(); // one may have been removed
        for (const consumer of found) this.set({ consumer: consumer.name }, value(consumer));
      },
    });
  gauge(
    "lag_seconds",
    "Since the first entry that a stored consumer of the log has not handled.",
    ({ lagSeconds }) => lagSeconds,
  );
  gauge(
    "lag_entries",
    "Entries of the log since the position of a stored consumer, counted to 100,000.",
    ({ lagEntries }) => lagEntries,
  );
  gauge("parked", "Entries that a stored consumer failed at and went on without.", ({ parked }) => parked);
  gauge("paused", "1: the stored consumer is paused.", ({ isPaused }) => +isPaused);
  gauge(
    "behind_retention",
    "1: the log went on without the stored consumer; it needs a replay.",
    ({ isBehindRetention }) => +isBehindRetention,
  );
  gauge("owned", "1: a node runs the stored consumer.", ({ isOwned }) => +isOwned);
}
