import type { Caller } from "../../platform/caller.ts";
import type { AdmissionSource } from "../limits/admission.ts";
import type { PendingJoin } from "../recovery/pending-join.ts";
import type { Room } from "../rooms/room.ts";
import type { Socket } from "../transport.ts";
import type { InboundQueue } from "./inbound-queue.ts";

/**
 * One socket's state: a few numbers and references. Ten thousand of these lie idle, so nothing here is an object of its own
 * before it is needed, and nothing is a timer or a closure.
 */
export class Connection {
  readonly id: number;
  caller: Caller;
  /** Null before it is open and after it is closed. */
  socket: Socket | null = null;
  rooms: readonly Room[] = NO_ROOMS;
  /** Where it came from, as `addressKey` says. */
  address = "";
  /** Unix ms. */
  openedAt = 0;
  /** What an anonymous connection, or a service's, counts for; null for one that came as a person. */
  source: AdmissionSource | null = null;
  /** Its place in the hub's list. */
  index = -1;
  /** When the last heartbeat came. All times here are ms of the clock that never jumps (performance.now). */
  lastSeenAt: number;
  /** When it was pinged last, and when for the first time since that heartbeat. */
  lastPingAt = Number.NEGATIVE_INFINITY;
  unansweredPingAt = Number.NEGATIVE_INFINITY;
  /** Frames it may still send at once; refilled at each heartbeat. */
  allowance: number;
  /** Checks in a row that found too much unsent, and that found a replay waiting of which nothing was taken since the one before. */
  slowChecks = 0;
  stuckChecks = 0;
  /** Unsent bytes at the last check; infinite when something was taken since. */
  unsentBytes = 0;
  /** When the socket is cut, after we have said goodbye; 0 while all is well. */
  terminateAt = 0;
  /** Commands that wait or are under way. */
  inboundQueue: InboundQueue | null = null;
  /** Its ways into rooms that have not ended. */
  pendingJoins: Set<PendingJoin> | null = null;
  /** Replays that wait for the socket to drain. */
  drainWaiters: (() => void)[] | null = null;

  constructor(id: number, caller: Caller, now: number, allowance: number) {
    this.id = id;
    this.caller = caller;
    this.lastSeenAt = now;
    this.allowance = allowance;
  }

  /** Notes a heartbeat and refills the allowance (`rate`: frames a second, at most `burst`). */
  recordActivity(now: number, rate: number, burst: number): void {
    this.allowance = Math.min(burst, this.allowance + ((now - this.lastSeenAt) * rate) / 1_000);
    this.lastSeenAt = now;
  }

  /** Unix ms when the caller's credential ends. */
  get expiresAt(): number {
    return this.caller.kind === "anonymous"
      ? Number.POSITIVE_INFINITY
      : (this.caller.expiresAt ?? Number.POSITIVE_INFINITY);
  }

  /** Whether being in the room counts: a person is in his own without joining it. */
  countsAsMember(room: Room): boolean {
    return !room.isPersonal || this.caller.kind === "service";
  }

  isIn(room: Room): boolean {
    return this.rooms.includes(room);
  }

  addRoom(room: Room): void {
    this.rooms = [...this.rooms, room];
  }

  removeRoom(room: Room): void {
    const rest = this.rooms.filter((other) => other !== room);
    this.rooms = rest.length === 0 ? NO_ROOMS : rest;
  }

  /** Resolves when the socket has taken something, or is gone. */
  waitForDrain(): Promise<void> {
    return new Promise((resolve) => {
      this.drainWaiters ??= [];
      this.drainWaiters.push(resolve);
    });
  }

  notifyDrained(): void {
    this.unsentBytes = Number.POSITIVE_INFINITY;
    const waiters = this.drainWaiters;
    this.drainWaiters = null;
    if (waiters !== null) for (const wake of waiters) wake();
  }
}

const NO_ROOMS: readonly Room[] = [];
