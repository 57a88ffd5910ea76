import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { OUTCOMES, type Outcome } from "./post.ts";

export interface WebhookMetrics {
  /** An attempt ended. */
  attempt(outcome: Outcome): void;
  /** The first attempt of a delivery starts, so many seconds after its entry. */
  first(seconds: number): void;
  /** A delivery was given up. */
  failed(): void;
}

/** The `usher_webhook_…` metrics. @param counts read at each scrape; a failure leaves the last value */
export function createWebhookMetrics(
  registry: Registry,
  counts: { pending: () => Promise<number>; parked: () => Promise<number> },
): WebhookMetrics {
  const registers = [registry];
  const attempts = new Counter({
    name: "usher_webhook_attempts_total",
    help: "Attempts to deliver a webhook that this node made.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of OUTCOMES) attempts.inc({ outcome }, 0);
  const failed = new Counter({
    name: "usher_webhook_failed_total",
    help: "Deliveries of webhooks that this node gave up.",
    registers,
  });
  const first = new Histogram({
    name: "usher_webhook_first_attempt_seconds",
    help: "From the entry in the log until the first attempt to deliver it begins.",
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
    registers,
  });
  const gauge = (name: string, help: string, count: () => Promise<number>) =>
    new Gauge({
      name,
      help,
      aggregator: "max", // every process reads the same database
      registers,
      async collect() {
        const found = await count().catch(() => null);
        if (found !== null) this.set(found);
      },
    });
  gauge("usher_webhook_pending", "Deliveries of webhooks that wait or are in flight, on all nodes.", counts.pending);
  gauge("usher_webhook_parked", "Entries of the log that could not be recorded for webhooks.", counts.parked);
  return {
    attempt: (outcome) => attempts.inc({ outcome }),
    first: (seconds) => first.observe(seconds),
    failed: () => failed.inc(),
  };
}
