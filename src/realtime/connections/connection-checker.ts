import type { Clock } from "../../platform/clock.ts";
import type { HubLimits, HubMetrics } from "../deps.ts";
import { SLOW_BYTES, SLOW_CHECKS, STUCK_CHECKS } from "../limits/fixed-limits.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionCloser } from "./connection-closer.ts";
import type { FrameSender } from "./frame-sender.ts";

/** Parts of a cycle, so that a hundred thousand connections are not checked at once. */
const CYCLE_PARTS = 10;
const MAX_CYCLE_MS = 1_000;

/**
 * Checks every connection once a cycle (a second): is it alive, is its credential valid, does it read. No timer per connection.
 * The runtime's own idle timeout never closes a dead client to which frames are sent (SPEC HB-2), so it is off.
 */
export class ConnectionChecker {
  readonly #connections: readonly Connection[];
  readonly #limits: HubLimits;
  readonly #closer: ConnectionCloser;
  readonly #sender: FrameSender;
  readonly #metrics: HubMetrics;
  readonly #clock: Clock;
  #cycleMs: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #cursor = 0;
  /** Whether unsent bytes are checked in this cycle. */
  #checksUnsent = false;

  constructor(
    connections: readonly Connection[],
    limits: HubLimits,
    closer: ConnectionCloser,
    sender: FrameSender,
    metrics: HubMetrics,
    clock: Clock,
  ) {
    this.#connections = connections;
    this.#limits = limits;
    this.#closer = closer;
    this.#sender = sender;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#cycleMs = getCycleMs(limits);
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#checkPart(), this.#cycleMs / CYCLE_PARTS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Backwards, because the last connection moves to the index of one that is terminated. */
  #checkPart(): void {
    if (this.#cycleMs !== getCycleMs(this.#limits)) {
      this.#cycleMs = getCycleMs(this.#limits);
      this.stop();
      this.start();
    }
    if (this.#cursor <= 0) {
      this.#cursor = this.#connections.length;
      this.#checksUnsent = this.#sender.isCongested;
      this.#sender.isCongested = false;
    }
    const now = performance.now();
    // Many connections may have closed since: without this bound the cycle would count down over empty indexes for minutes.
    const start = Math.min(this.#cursor, this.#connections.length);
    const end = Math.max(0, start - Math.ceil(this.#connections.length / CYCLE_PARTS));
    for (let i = start - 1; i >= end; i--) this.#check(this.#connections[i]!, now);
    this.#cursor = end;
  }

  #check(connection: Connection, now: number): void {
    const { socket } = connection;
    if (socket === null) return;
    if (connection.terminateAt > 0) {
      if (now >= connection.terminateAt) socket.terminate();
      return;
    }
    const { pingInterval, pongTimeout } = this.#limits;
    const quietMs = now - connection.lastSeenAt;
    // The times may have been made shorter, or this process may have been paused: a client gets time to reply before it is cut.
    const isPingPending = connection.pendingPingAt >= connection.lastSeenAt;
    if (quietMs >= pongTimeout && isPingPending && now - connection.pendingPingAt >= pongTimeout - pingInterval) {
      // No client is there to read a `system:bye`.
      this.#metrics.closed("silent");
      socket.terminate();
    } else if (this.#clock.now() >= connection.expiresAt) this.#closer.close(connection, "token_expired");
    else {
      if (this.#checksUnsent) this.#checkUnsent(connection, socket.getBufferedAmount());
      if (quietMs >= pingInterval && now - connection.lastPingAt >= pingInterval) {
        connection.lastPingAt = now;
        if (!isPingPending) connection.pendingPingAt = now;
        socket.ping();
      }
    }
  }

  #checkUnsent(connection: Connection, unsent: number): void {
    if (unsent > 0) this.#sender.isCongested = true;
    connection.slowChecks = unsent > SLOW_BYTES ? connection.slowChecks + 1 : 0;
    connection.stuckChecks =
      connection.drainWaiters !== null && unsent >= connection.unsentBytes ? connection.stuckChecks + 1 : 0;
    connection.unsentBytes = unsent;
    if (connection.slowChecks >= SLOW_CHECKS || connection.stuckChecks >= STUCK_CHECKS)
      this.#closer.close(connection, "slow");
  }
}

/** ms in which every connection is checked once. */
function getCycleMs({ pingInterval }: HubLimits): number {
  return Math.min(MAX_CYCLE_MS, pingInterval / 2);
}
