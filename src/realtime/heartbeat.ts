import { CLOSE, type CloseReason } from "../../protocol/codes.ts";
import type { Clock } from "../platform/clock.ts";
import type { Connection } from "./connection.ts";
import type { HubLimits, HubMetrics } from "./deps.ts";
import { encodeBye } from "./encode.ts";
import { CLOSE_GRACE, SLOW_BYTES, SLOW_CHECKS, STUCK_CHECKS } from "./limits.ts";
import type { Sender } from "./sender.ts";
import { LEAST_SPREAD } from "./spread.ts";

/** Parts of a round, so that a hundred thousand connections are not looked at in one go. */
const PARTS = 10;
const LONGEST_ROUND = 1_000;

/**
 * Looks at every connection once a round (a second): is it alive, is its credential good, does it read. No timer per connection.
 * The runtime's own idle timeout never ends a dead client that is sent to (SPEC HB-2), so it is off.
 */
export class Heartbeat {
  readonly #connections: readonly Connection[];
  readonly #limits: HubLimits;
  readonly #sender: Sender;
  readonly #metrics: HubMetrics;
  readonly #clock: Clock;
  #round: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #at = 0;
  /** Whether anybody's unsent bytes are worth a look in this round. */
  #looking = false;

  constructor(
    connections: readonly Connection[],
    limits: HubLimits,
    sender: Sender,
    metrics: HubMetrics,
    clock: Clock,
  ) {
    this.#connections = connections;
    this.#limits = limits;
    this.#sender = sender;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#round = roundOf(limits);
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#part(), this.#round / PARTS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Says goodbye; a client that does not take it within the grace is cut. @param spread ms over which it may come back */
  close(connection: Connection, reason: CloseReason, spread = LEAST_SPREAD): void {
    if (connection.cutAt > 0) return;
    this.#sender.send(connection, "system:bye", encodeBye(reason, [0, spread]));
    this.closeAfterBye(connection, reason);
  }

  closeAfterBye(connection: Connection, reason: CloseReason): void {
    const { socket } = connection;
    if (socket === null || connection.cutAt > 0) return;
    this.#metrics.closed(reason);
    connection.cutAt = performance.now() + CLOSE_GRACE;
    socket.close(CLOSE[reason].code, CLOSE[reason].reason);
  }

  /** Backwards, because a connection that is cut makes room for the last one. */
  #part(): void {
    if (this.#round !== roundOf(this.#limits)) {
      this.#round = roundOf(this.#limits);
      this.stop();
      this.start();
    }
    if (this.#at <= 0) {
      this.#at = this.#connections.length;
      this.#looking = this.#sender.congested;
      this.#sender.congested = false;
    }
    const now = performance.now();
    // Never from where a crowd was that has left: the round would count down through nobody, and look at nobody, for minutes.
    const start = Math.min(this.#at, this.#connections.length);
    const end = Math.max(0, start - Math.ceil(this.#connections.length / PARTS));
    for (let i = start - 1; i >= end; i--) this.#check(this.#connections[i]!, now);
    this.#at = end;
  }

  #check(connection: Connection, now: number): void {
    const { socket } = connection;
    if (socket === null) return;
    if (connection.cutAt > 0) {
      if (now >= connection.cutAt) socket.terminate();
      return;
    }
    const { pingInterval, pongTimeout } = this.#limits;
    const quiet = now - connection.seenAt;
    // The times may have been made shorter, or this process have stood still: nobody is cut who had no time to answer.
    const asked = connection.askedAt >= connection.seenAt;
    if (quiet >= pongTimeout && asked && now - connection.askedAt >= pongTimeout - pingInterval) {
      // Nobody is there to read a goodbye.
      this.#metrics.closed("silent");
      socket.terminate();
    } else if (this.#clock.now() >= connection.expiresAt) this.close(connection, "token_expired");
    else {
      if (this.#looking) this.#checkUnsent(connection, socket.getBufferedAmount());
      if (quiet >= pingInterval && now - connection.pingedAt >= pingInterval) {
        connection.pingedAt = now;
        if (!asked) connection.askedAt = now;
        socket.ping();
      }
    }
  }

  #checkUnsent(connection: Connection, unsent: number): void {
    if (unsent > 0) this.#sender.congested = true;
    connection.slow = unsent > SLOW_BYTES ? connection.slow + 1 : 0;
    connection.stuck = connection.waiters !== null && unsent >= connection.unsent ? connection.stuck + 1 : 0;
    connection.unsent = unsent;
    if (connection.slow >= SLOW_CHECKS || connection.stuck >= STUCK_CHECKS) this.close(connection, "slow");
  }
}

/** ms in which every connection is looked at once. */
function roundOf({ pingInterval }: HubLimits): number {
  return Math.min(LONGEST_ROUND, pingInterval / 2);
}
