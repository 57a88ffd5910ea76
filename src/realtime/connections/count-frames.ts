import type { HubMetrics } from "../deps.ts";

/** Frames sent and received since the start. */
export interface FrameCounts {
  sent: number;
  received: number;
}

/** The same counters, which also add up all frames in `counts`. */
export function countFrames(metrics: HubMetrics, counts: FrameCounts): HubMetrics {
  return {
    ...metrics,
    sent(type, connections) {
      counts.sent += connections;
      metrics.sent(type, connections);
    },
    received(type) {
      counts.received++;
      metrics.received(type);
    },
  };
}
