import { createRateLimiter, type RateLimiter } from "../../platform/http/rate-limiter.ts";
import type { Broker } from "../broker/broker.ts";
import type { Connection } from "../connections/connection.ts";
import type { HubLimits } from "../deps.ts";

/** Seconds over which the frames of a person or an address are counted. */
const WINDOW_SECONDS = 10;

/**
 * Rate limiter of what clients send (SPEC SL-4): a token bucket for each connection (its `allowance`), and fixed windows for a person,
 * a service token, or an address of anonymous connections, counted by all nodes together.
 */
export class InboundRateLimiter {
  readonly #limits: HubLimits;
  readonly #consumeUser: RateLimiter;
  readonly #consumeAddress: RateLimiter;

  /** @param nodes number of live nodes, including this one */
  constructor(limits: HubLimits, broker: Broker, nodes: () => number) {
    this.#limits = limits;
    const createWindows = (name: string, frames: () => number) =>
      createRateLimiter({
        get points() {
          return frames() * WINDOW_SECONDS;
        },
        seconds: WINDOW_SECONDS,
        shared: { name, messenger: broker, nodes },
      });
    this.#consumeUser = createWindows("frames of people", () => limits.framesPerPerson);
    this.#consumeAddress = createWindows("frames of addresses", () => limits.framesPerAddress);
  }

  /** Counts a frame. False: it is too much. */
  consume(connection: Connection, frame: string | Uint8Array): boolean {
    connection.allowance -= this.#getWeight(frame);
    if (connection.allowance < 0) return false;
    const { caller, address } = connection;
    if (caller.kind === "user") return this.#consumeUser(caller.userId).allowed;
    if (caller.kind === "service") return this.#consumeUser(`token ${caller.tokenId}`).allowed;
    return this.#consumeAddress(address).allowed;
  }

  /** One, or more for a large frame. */
  #getWeight(frame: string | Uint8Array): number {
    const bytesPerFrame = this.#limits.bytes / this.#limits.rate;
    // A character is at most three bytes, so most frames need no exact count.
    if (frame.length * 3 <= bytesPerFrame) return 1;
    return Math.max(1, (typeof frame === "string" ? Buffer.byteLength(frame) : frame.length) / bytesPerFrame);
  }
}
