/** What is needed of a stream of HTTP/2: the request of one call. */
export interface RequestStream {
  once(event: "end" | "close", listener: () => void): void;
  close(code: number): void;
}

/** The HTTP/2 error code for a client that uses more than it should. */
export const ENHANCE_YOUR_CALM = 11;

/** ms in which a request, one message in all our methods, must have come whole; the second when too many have not. */
const REQUEST_TIMEOUT_MS = 30_000;
const OVERLOAD_TIMEOUT_MS = 1_000;
const OVERLOAD_COUNT = 4_096;
const CHECK_INTERVAL_MS = 1_000;

/** Requests that have begun and not come whole. Each costs memory before anything is known of its sender, so it is reset in time. */
export class IncompleteRequests {
  /** When each began; the oldest first. */
  readonly #startTimes = new Map<RequestStream, number>();
  #timer: ReturnType<typeof setInterval> | null = null;

  get count(): number {
    return this.#startTimes.size;
  }

  add(request: RequestStream, now = performance.now()): void {
    this.#startTimes.set(request, now);
    const done = () => this.#startTimes.delete(request);
    request.once("end", done);
    request.once("close", done);
    this.#timer ??= setInterval(() => this.resetOverdue(), CHECK_INTERVAL_MS);
  }

  /** Resets those that take too long. */
  resetOverdue(now = performance.now()): void {
    const timeoutMs = this.#startTimes.size > OVERLOAD_COUNT ? OVERLOAD_TIMEOUT_MS : REQUEST_TIMEOUT_MS;
    for (const [request, began] of this.#startTimes) {
      if (now - began < timeoutMs) break;
      this.#startTimes.delete(request);
      request.close(ENHANCE_YOUR_CALM);
    }
    if (this.#startTimes.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
