/** What is needed of a connection of HTTP/2. */
export interface LimitedConnection {
  on(event: "stream", listener: (stream: CallStream) => void): void;
  on(event: "close", listener: () => void): void;
  destroy(): void;
}

interface CallStream {
  once(event: "close", listener: () => void): void;
}

/**
 * Limits the connections of a server. When there are too many, the one without a call for longest is
 * closed, so that idle connections block no other client; a new connection that finds none idle is refused.
 */
export class ConnectionLimiter {
  readonly #max: number;
  /** Without a call; the one that has been so for longest first. */
  readonly #idle = new Set<LimitedConnection>();
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(session: LimitedConnection): void {
    let calls = 0;
    this.#open += 1;
    this.#idle.add(session);
    session.on("stream", (stream) => {
      calls += 1;
      this.#idle.delete(session);
      stream.once("close", () => {
        calls -= 1;
        if (calls === 0) this.#idle.add(session);
      });
    });
    let isOpen = true;
    session.on("close", () => {
      if (isOpen) this.#open -= 1;
      isOpen = false;
      calls = -1;
      this.#idle.delete(session);
    });
    if (this.#open <= this.#max) return;
    const [longestIdle = session] = this.#idle;
    longestIdle.destroy();
  }
}
