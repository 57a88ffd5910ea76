import type { HubMetrics } from "../../src/realtime/deps.ts";
import type { Socket } from "../../src/realtime/transport.ts";

/** Metrics that no test reads. */
export const NO_METRICS: HubMetrics = { sent() {}, received() {}, error() {}, recovery() {}, filled() {}, closed() {} };

/** A socket whose client reads everything immediately, except as `parts` says. */
export function stubSocket(parts: Partial<Socket> = {}): Socket {
  return {
    send: (text) => text.length,
    subscribe() {},
    unsubscribe() {},
    cork: (work) => work(),
    ping() {},
    close() {},
    terminate() {},
    getBufferedAmount: () => 0,
    ...parts,
  };
}
