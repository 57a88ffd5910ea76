/** What is used of a connection of HTTP/2. */
export interface Placed {
  on(event: "stream", listener: (stream: Closing) => void): void;
  on(event: "close", listener: () => void): void;
  destroy(): void;
}

interface Closing {
  once(event: "close", listener: () => void): void;
}

/**
 * The connections that a server has at once. When there are too many, the one that has had no call under way for longest gives
 * way, so that whoever only holds connections shuts nobody out; a newcomer who finds none idle is refused.
 */
export class Places {
  readonly #most: number;
  /** Without a call; the one that has been so for longest first. */
  readonly #idle = new Set<Placed>();
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  take(session: Placed): void {
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
    let here = true;
    session.on("close", () => {
      if (here) this.#open -= 1;
      here = false;
      calls = -1;
      this.#idle.delete(session);
    });
    if (this.#open <= this.#most) return;
    const [longest = session] = this.#idle;
    longest.destroy();
  }
}
