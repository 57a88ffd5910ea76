import type { Caller } from "../../platform/caller.ts";
import type { AdmissionSource } from "../limits/admission.ts";
import type { PendingJoin } from "../recovery/pending-join.ts";
import type { Room } from "../rooms/room.ts";
import type { Socket } from "../transport.ts";
import type { InboundQueue } from "./frame-receiver.ts";

/**
 * One socket's state: a few numbers and references. Ten thousand of these are idle, so objects are made only when they are
 * needed, and there is no timer or closure per connection.
 */
export class Connection {
  readonly id: number;
  caller: Caller;
  /** Null before it is open and after it is closed. */
  socket: Socket | null = null;
  rooms: readonly Room[] = NO_ROOMS;
  /** The client's address, in the form of `addressKey`. */
  address = "";
  /** Unix ms. */
  openedAt = 0;
  /** The limit that an anonymous connection, or a service's, counts for; null for one that was opened by a person. */
  source: AdmissionSource | null = null;
  /** Its index in the registry's list. */
  index = -1;
  /** When the last heartbeat came. All times here are ms of the monotonic clock (performance.now). */
  lastSeenAt: number;
  /** When it was last pinged, and when for the first time since the last heartbeat. */
  lastPingAt = Number.NEGATIVE_INFINITY;
  pendingPingAt = Number.NEGATIVE_INFINITY;
  /** Token bucket of the rate limiter: the frames it may still send at once; refilled at each heartbeat. */
  allowance: number;
  /** Checks in a row that found too many unsent bytes, and a replay of which nothing was sent since the previous check. */
  slowChecks = 0;
  stuckChecks = 0;
  /** Unsent bytes at the last check; infinite when something was sent since. */
  unsentBytes = 0;
  /** When the socket is terminated, after our `system:bye`; 0: it is not being closed. */
  terminateAt = 0;
  /** Commands that wait or are under way. */
  inboundQueue: InboundQueue | null = null;
  /** Its joins that are under way. */
  pendingJoins: Set<PendingJoin> | null = null;
  /** Replays that wait for the socket to drain. */
  drainWaiters: (() => void)[] | null = null;

  constructor(id: number, caller: Caller, now: number, allowance: number) {
    this.id = id;
    this.caller = caller;
    this.lastSeenAt = now;
    this.allowance = allowance;
  }

  /** Records a heartbeat and refills the allowance (`rate`: frames a second, up to `burst`). */
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

  /** Whether it is a member of the room: a person is in their own room without joining it. */
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
    const others = this.rooms.filter((other) => other !== room);
    this.rooms = others.length === 0 ? NO_ROOMS : others;
  }

  /** Resolves when the socket has sent something, or is closed. */
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
    if (waiters !== null) for (const resolve of waiters) resolve();
  }
}

const NO_ROOMS: readonly Room[] = [];
