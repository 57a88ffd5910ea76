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
  /** Whether another living node has told that its round trips work. */
  othersHear: () => boolean;
  /** Asks anew what other nodes tell. */
  refresh: () => void;
  times: RoundTripTimes;
}

/** Bytes that may be under way of which no probe has yet shown that they arrive; what comes on top is dropped. */
const MOST_UNPROVEN = 16 * 1_048_576;
/** After so many a probe goes out at once. */
const PROBE_AFTER = 2 * 1_048_576;

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
  /** When the connection was last away, or given up: it has some time to show that it works. */
  #patientFrom = performance.now();
  #number = 0;
  /** Since when others have said at every look that they hear; null: they do not. */
  #othersHearSince: number | null = null;
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

  /** Whether this node's round trips work at present: what it tells the others. */
  get hears(): boolean {
    return !this.#isAsked() || this.#silent() < 3 * this.#deps.times.every;
  }

  /**
   * Deaf is who hears nothing although others do. When the server dies or is back, nodes notice it and learn it of each other at
   * different moments; so others count only who have said for a while that they hear, and are asked shortly before the verdict.
   */
  health(): "ok" | "away" | "deaf" {
    const { wire, times } = this.#deps;
    if (!this.#isAsked()) return "ok";
    const silent = this.#silent();
    const othersHear = performance.now() - (this.#othersHearSince ?? Number.POSITIVE_INFINITY) > 5 * times.every;
    if (silent > times.silence - times.every) return othersHear ? "deaf" : "away";
    return !wire.connected() && silent > 2 * times.every ? "away" : "ok";
  }

  #silent(): number {
    return performance.now() - Math.max(this.#heardAt, this.#excusedUntil);
  }

  #isAsked(): boolean {
    return this.#deps.hasCompany() || !this.#deps.wire.silentAlone;
  }

  #tick(): void {
    const { wire, times, othersHear, refresh } = this.#deps;
    const now = performance.now();
    if (now - this.#tickedAt > 3 * times.every || !this.#isAsked()) this.#excusedUntil = now;
    this.#tickedAt = now;
    if (!this.#isAsked()) return;
    this.#othersHearSince = othersHear() ? (this.#othersHearSince ?? now) : null;
    const silent = this.#silent();
    if (silent > times.silence - 3 * times.every && silent < times.silence) refresh();
    if (!wire.connected()) {
      this.#patientFrom = now;
      this.#forget();
      return;
    }
    if (Math.min(silent, now - this.#patientFrom) > 4 * times.every) {
      this.#patientFrom = now;
      this.#forget();
      wire.reconnect();
    }
    this.#probe();
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
