import { CLOSE, type CloseReason } from "../../../protocol/codes.ts";
import type { Clock } from "../../platform/clock.ts";
import type { HubLimits, HubMetrics } from "../deps.ts";
import { CLOSE_GRACE_MS, SLOW_BYTES, SLOW_CHECKS, STUCK_CHECKS } from "../limits/fixed-limits.ts";
import type { Connection } from "./connection.ts";
import { encodeBye } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";
import { MIN_RECONNECT_WINDOW_MS } from "./reconnect-window.ts";

/** Parts of a round, so that a hundred thousand connections are not looked at in one go. */
const ROUND_PARTS = 10;
const MAX_ROUND_MS = 1_000;

/**
 * Looks at every connection once a round (a second): is it alive, is its credential good, does it read. No timer per connection.
 * The runtime's own idle timeout never ends a dead client that is sent to (SPEC HB-2), so it is off.
 */
export class Heartbeat {
  readonly #connections: readonly Connection[];
  readonly #limits: HubLimits;
  readonly #sender: FrameSender;
  readonly #metrics: HubMetrics;
  readonly #clock: Clock;
  #roundMs: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #cursor = 0;
  /** Whether anybody's unsent bytes are worth a look in this round. */
  #checksUnsent = false;

  constructor(
    connections: readonly Connection[],
    limits: HubLimits,
    sender: FrameSender,
    metrics: HubMetrics,
    clock: Clock,
  ) {
    this.#connections = connections;
    this.#limits = limits;
    this.#sender = sender;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#roundMs = getRoundMs(limits);
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#checkPart(), this.#roundMs / ROUND_PARTS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Says goodbye; a client that does not take it within the grace is cut. @param windowMs ms over which it may come back */
  close(connection: Connection, reason: CloseReason, windowMs = MIN_RECONNECT_WINDOW_MS): void {
    if (connection.terminateAt > 0) return;
    this.#sender.send(connection, "system:bye", encodeBye(reason, [0, windowMs]));
    this.closeAfterBye(connection, reason);
  }

  closeAfterBye(connection: Connection, reason: CloseReason): void {
    const { socket } = connection;
    if (socket === null || connection.terminateAt > 0) return;
    this.#metrics.closed(reason);
    connection.terminateAt = performance.now() + CLOSE_GRACE_MS;
    socket.close(CLOSE[reason].code, CLOSE[reason].reason);
  }

  /** Backwards, because a connection that is cut makes room for the last one. */
  #checkPart(): void {
    if (this.#roundMs !== getRoundMs(this.#limits)) {
      this.#roundMs = getRoundMs(this.#limits);
      this.stop();
      this.start();
    }
    if (this.#cursor <= 0) {
      this.#cursor = this.#connections.length;
      this.#checksUnsent = this.#sender.isCongested;
      this.#sender.isCongested = false;
    }
    const now = performance.now();
    // Never from where a crowd was that has left: the round would count down through nobody, and look at nobody, for minutes.
    const start = Math.min(this.#cursor, this.#connections.length);
    const end = Math.max(0, start - Math.ceil(this.#connections.length / ROUND_PARTS));
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
    // The times may have been made shorter, or this process have stood still: nobody is cut who had no time to answer.
    const isPingUnanswered = connection.unansweredPingAt >= connection.lastSeenAt;
    if (quietMs >= pongTimeout && isPingUnanswered && now - connection.unansweredPingAt >= pongTimeout - pingInterval) {
      // Nobody is there to read a goodbye.
      this.#metrics.closed("silent");
      socket.terminate();
    } else if (this.#clock.now() >= connection.expiresAt) this.close(connection, "token_expired");
    else {
      if (this.#checksUnsent) this.#checkUnsent(connection, socket.getBufferedAmount());
      if (quietMs >= pingInterval && now - connection.lastPingAt >= pingInterval) {
        connection.lastPingAt = now;
        if (!isPingUnanswered) connection.unansweredPingAt = now;
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
    if (connection.slowChecks >= SLOW_CHECKS || connection.stuckChecks >= STUCK_CHECKS) this.close(connection, "slow");
  }
}

/** ms in which every connection is looked at once. */
function getRoundMs({ pingInterval }: HubLimits): number {
  return Math.min(MAX_ROUND_MS, pingInterval / 2);
}
