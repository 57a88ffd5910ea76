import type { Wire } from "./wire.ts";

/** ms. Shorter in tests. */
export interface RoundTripTimes {
  /** From one probe to the next. */
  every: number;
  /** Without a round trip for so long this node is not healthy. */
  silence: number;
}

export const ROUND_TRIP_TIMES: RoundTripTimes = { every: 1_000, silence: 10_000 };

export interface RoundTripDeps {
  wire: Wire;
  /** Sends the probe to everybody. */
  send: (number: number) => void;
  /** Whether another node lives. */
  hasCompany: () => boolean;
  /** `performance.now()` of the last round trip that another living node is known to have made; -Infinity: none. */
  othersHeardAt: () => number;
  times: RoundTripTimes;
}

/** Bytes that may be under way of which no probe has yet shown that they arrive; what comes on top is dropped. */
const MOST_UNPROVEN = 32 * 1_048_576;
/** After so many a probe goes out at once. */
const PROBE_AFTER = 4 * 1_048_576;

/**
 * Sees whether this node hears what it says to everybody. A connection that is up proves nothing: the subscription may be gone, the
 * server frozen, the network half open. It also limits what can pile up before a server that does not take it.
 */
export class RoundTrip {
  /** ms that the last one took. */
  lag = 0;
  readonly #deps: RoundTripDeps;
  #timer: ReturnType<typeof setInterval> | null = null;
  #heardAt = performance.now();
  /** Silence before this moment is not the broker's fault: nothing was asked, or the process itself stood still. */
  #excusedUntil = performance.now();
  #tickedAt = performance.now();
  #reconnectedAt = performance.now();
  #number = 0;
  /** Probes under way, by number: when they were sent, and how many bytes had been sent before. */
  readonly #asked = new Map<number, { at: number; bytes: number }>();
  #bytes = 0;
  #proven = 0;
  #probedAtBytes = 0;

  constructor(deps: RoundTripDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), this.#deps.times.every);
    this.#tick();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** `performance.now()` of the last round trip. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Counts bytes that are about to leave; false: too many are under way. */
  mayLeave(bytes: number): boolean {
    if (this.#bytes - this.#proven > MOST_UNPROVEN) return false;
    this.#bytes += bytes;
    if (this.#bytes - this.#probedAtBytes > PROBE_AFTER) this.#probe();
    return true;
  }

  returned(number: number): void {
    const asked = this.#asked.get(number);
    if (asked === undefined) return;
    this.#heardAt = performance.now();
    this.lag = this.#heardAt - asked.at;
    this.#proven = Math.max(this.#proven, asked.bytes);
    for (const earlier of this.#asked.keys()) if (earlier <= number) this.#asked.delete(earlier);
  }

  health(): "ok" | "away" | "deaf" {
    const { wire, othersHeardAt, times } = this.#deps;
    if (!this.#isAsked()) return "ok";
    const silent = performance.now() - Math.max(this.#heardAt, this.#excusedUntil);
    // Nodes learn of each other's round trips late, and a server that dies falls silent for all within one interval.
    if (silent > times.silence - times.every)
      return othersHeardAt() > this.#heardAt + 2 * times.every ? "deaf" : "away";
    return !wire.connected() && silent > 2 * times.every ? "away" : "ok";
  }

  #isAsked(): boolean {
    return this.#deps.hasCompany() || !this.#deps.wire.silentAlone;
  }

  #tick(): void {
    const { wire, times } = this.#deps;
    const now = performance.now();
    if (now - this.#tickedAt > 3 * times.every || !this.#isAsked()) this.#excusedUntil = now;
    this.#tickedAt = now;
    if (!this.#isAsked()) return;
    const silent = now - Math.max(this.#heardAt, this.#excusedUntil, this.#reconnectedAt);
    if (wire.connected() && silent > 4 * times.every) {
      this.#reconnectedAt = now;
      wire.reconnect();
    }
    if (!wire.connected()) this.#forget();
    else this.#probe();
  }

  #probe(): void {
    this.#probedAtBytes = this.#bytes;
    this.#asked.set(++this.#number, { at: performance.now(), bytes: this.#bytes });
    if (this.#asked.size > 100) this.#asked.delete(this.#asked.keys().next().value!);
    this.#deps.send(this.#number);
  }

  /** What was under way on a connection that is gone does not pile up any more. */
  #forget(): void {
    this.#asked.clear();
    this.#proven = this.#bytes;
  }
}
