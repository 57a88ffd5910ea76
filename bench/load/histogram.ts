/** Latencies in ms, stored in full up to a bound, then by reservoir sampling (Vitter's algorithm R), and read as percentiles. */
export class Histogram {
  #values: number[] = [];
  #seen = 0;

  constructor(private readonly limit = 200_000) {}

  add(ms: number): void {
    this.#seen++;
    if (this.#values.length < this.limit) this.#values.push(ms);
    else {
      const at = Math.floor(Math.random() * this.#seen);
      if (at < this.limit) this.#values[at] = ms;
    }
  }

  /** p50, p99 and the largest, in ms with one decimal; null without a sample. */
  summary(): { p50: number; p99: number; max: number; count: number } | null {
    if (this.#values.length === 0) return null;
    const sorted = this.#values.toSorted((a, b) => a - b);
    const at = (share: number) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10;
    return { p50: at(0.5), p99: at(0.99), max: at(1), count: this.#seen };
  }
}
