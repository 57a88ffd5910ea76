import { type Aggregator, Counter, Gauge, type Registry } from "prom-client";

/** What the broker can report of itself at any time; numbers count from the start. */
export interface BrokerStats {
  messagesOut: number;
  bytesOut: number;
  messagesIn: number;
  bytesIn: number;
  dropped: Readonly<Record<string, number>>;
  /** ms of the last round trip. */
  lag: number;
  health: "ok" | "away" | "isolated";
}

/** The broker's numbers, read at each scrape. */
export function addBrokerMetrics(registry: Registry, read: () => BrokerStats): void {
  const registers = [registry];
  const counter = (name: string, help: string, label: string, values: (now: BrokerStats) => Record<string, number>) =>
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [value, sum] of Object.entries(values(read()))) this.inc({ [label]: value }, sum);
      },
    });
  const gauge = (name: string, help: string, aggregator: Aggregator, value: (now: BrokerStats) => number) =>
    new Gauge({
      name,
      help,
      aggregator,
      registers,
      collect() {
        this.set(value(read()));
      },
    });
  counter("usher_broker_messages_total", "Messages to and from other nodes.", "direction", (now) => ({
    out: now.messagesOut,
    in: now.messagesIn,
  }));
  counter("usher_broker_bytes_total", "Their bytes.", "direction", (now) => ({ out: now.bytesOut, in: now.bytesIn }));
  counter(
    "usher_broker_dropped_total",
    "Messages that were not sent or not accepted. What was in them is delivered by the log tail.",
    "reason",
    (now) => now.dropped,
  );
  gauge(
    "usher_broker_round_trip_seconds",
    "The last message to oneself through the broker.",
    "max",
    (now) => now.lag / 1_000,
  );
  gauge(
    "usher_broker_up",
    "1: what this node sends through the broker comes back.",
    "min",
    (now) => +(now.health === "ok"),
  );
  gauge(
    "usher_broker_deaf",
    "1: this node receives nothing although others do.",
    "max",
    (now) => +(now.health === "isolated"),
  );
}
