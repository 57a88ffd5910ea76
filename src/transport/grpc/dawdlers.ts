/** What is used of a stream of HTTP/2: the request of one call. */
export interface Request {
  once(event: "end" | "close", listener: () => void): void;
  close(code: number): void;
}

/** The HTTP/2 error code for whoever takes more than he should. */
export const ENHANCE_YOUR_CALM = 11;

/** ms in which a request, one message in all our methods, must have come whole; the second when too many have not. */
const PATIENCE = 30_000;
const IMPATIENCE = 1_000;
const TOO_MANY = 4_096;
const LOOK_MS = 1_000;

/** Requests that have begun and not come whole. Each costs memory before anything is known of its sender, so it is reset in time. */
export class Dawdlers {
  /** When each began; the oldest first. */
  readonly #began = new Map<Request, number>();
  #timer: ReturnType<typeof setInterval> | null = null;

  get count(): number {
    return this.#began.size;
  }

  begun(request: Request, now = performance.now()): void {
    this.#began.set(request, now);
    const done = () => this.#began.delete(request);
    request.once("end", done);
    request.once("close", done);
    this.#timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  /** Resets those that take too long. */
  look(now = performance.now()): void {
    const patience = this.#began.size > TOO_MANY ? IMPATIENCE : PATIENCE;
    for (const [request, began] of this.#began) {
      if (now - began < patience) break;
      this.#began.delete(request);
      request.close(ENHANCE_YOUR_CALM);
    }
    if (this.#began.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
