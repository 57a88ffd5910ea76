import type { BrokerTransport } from "./broker-transport.ts";

/** In ms; shorter in tests. */
export interface RoundTripTimes {
  /** From one probe to the next. */
  interval: number;
  /** Without a round trip for so long this node is not healthy. */
  timeout: number;
}

export const ROUND_TRIP_TIMES: RoundTripTimes = { interval: 1_000, timeout: 10_000 };

export interface RoundTripDeps {
  transport: BrokerTransport;
  /** Sends the probe to all nodes. */
  send: (number: number) => void;
  /** Whether there is another live node. */
  hasPeers: () => boolean;
  /** Whether another live node has reported that its round trips work. */
  areOthersReceiving: () => boolean;
  /** Reads again what other nodes report. */
  refresh: () => void;
  times: RoundTripTimes;
}

/** Bytes that may be under way and not yet confirmed by a probe; above it messages are dropped. */
const MAX_UNCONFIRMED_BYTES = 16 * 1_048_576;
/** After so many bytes a probe is sent at once. */
const PROBE_AFTER_BYTES = 2 * 1_048_576;

/**
 * Checks whether this node receives what it sends to all nodes. An open connection proves nothing: the subscription may be gone,
 * the server frozen, the network half open. It also limits the bytes that wait for a slow server.
 */
export class RoundTrip {
  /** ms that the last one took. */
  lag = 0;
  readonly #deps: RoundTripDeps;
  #timer: ReturnType<typeof setInterval> | null = null;
  #returnedAt = performance.now();
  /** Silence before this moment is not the broker's fault: no probe was sent, or the process itself was paused. */
  #excusedUntil = performance.now();
  #checkedAt = performance.now();
  /** When the connection was last lost or replaced: it gets some time to show that it works. */
  #connectedFrom = performance.now();
  #number = 0;
  /** Since when others have reported at every check that they receive; null: they do not. */
  #othersReceivingSince: number | null = null;
  /** Probes under way, by number: when they were sent, and how many bytes had been sent before. */
  readonly #probes = new Map<number, { at: number; bytes: number }>();
  #bytes = 0;
  #confirmed = 0;
  #probedAtBytes = 0;

  constructor(deps: RoundTripDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), this.#deps.times.interval);
    this.#check();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Counts bytes that are about to leave; false: too many are under way. */
  reserve(bytes: number): boolean {
    if (this.#bytes - this.#confirmed > MAX_UNCONFIRMED_BYTES) return false;
    this.#bytes += bytes;
    if (this.#bytes - this.#probedAtBytes > PROBE_AFTER_BYTES) this.#probe();
    return true;
  }

  returned(number: number): void {
    const probe = this.#probes.get(number);
    if (probe === undefined) return;
    this.#returnedAt = performance.now();
    this.lag = this.#returnedAt - probe.at;
    this.#confirmed = Math.max(this.#confirmed, probe.bytes);
    for (const earlier of this.#probes.keys()) if (earlier <= number) this.#probes.delete(earlier);
  }

  /** Whether this node's round trips work at present: reported to the other nodes. */
  get isReceiving(): boolean {
    return !this.#isProbing() || this.#getSilence() < 3 * this.#deps.times.interval;
  }

  /**
   * Isolated is a node that receives nothing although others do. When the server dies or is back, nodes notice it at
   * different moments; so others count only when they have reported for a while that they receive, and are read again shortly
   * before a node calls itself isolated.
   */
  health(): "ok" | "away" | "isolated" {
    const { transport, times } = this.#deps;
    if (!this.#isProbing()) return "ok";
    const silent = this.#getSilence();
    const areOthersReceiving =
      performance.now() - (this.#othersReceivingSince ?? Number.POSITIVE_INFINITY) > 5 * times.interval;
    if (silent > times.timeout - times.interval) return areOthersReceiving ? "isolated" : "away";
    return !transport.isConnected() && silent > 2 * times.interval ? "away" : "ok";
  }

  #getSilence(): number {
    return performance.now() - Math.max(this.#returnedAt, this.#excusedUntil);
  }

  #isProbing(): boolean {
    return this.#deps.hasPeers() || !this.#deps.transport.skipsProbeAlone;
  }

  #check(): void {
    const { transport, times, areOthersReceiving, refresh } = this.#deps;
    const now = performance.now();
    if (now - this.#checkedAt > 3 * times.interval || !this.#isProbing()) this.#excusedUntil = now;
    this.#checkedAt = now;
    if (!this.#isProbing()) return;
    this.#othersReceivingSince = areOthersReceiving() ? (this.#othersReceivingSince ?? now) : null;
    const silent = this.#getSilence();
    if (silent > times.timeout - 3 * times.interval && silent < times.timeout) refresh();
    if (!transport.isConnected()) {
      this.#connectedFrom = now;
      this.#forget();
      return;
    }
    if (Math.min(silent, now - this.#connectedFrom) > 4 * times.interval) {
      this.#connectedFrom = now;
      this.#forget();
      transport.reconnect();
    }
    this.#probe();
  }

  #probe(): void {
    this.#probedAtBytes = this.#bytes;
    this.#probes.set(++this.#number, { at: performance.now(), bytes: this.#bytes });
    if (this.#probes.size > 100) this.#probes.delete(this.#probes.keys().next().value!);
    this.#deps.send(this.#number);
  }

  /** What was under way on a lost connection no longer counts as waiting. */
  #forget(): void {
    this.#probes.clear();
    this.#confirmed = this.#bytes;
  }
}
