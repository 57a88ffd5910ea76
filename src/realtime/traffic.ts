import { type Counter, createCounter } from "../platform/http/counter.ts";
import type { Broker } from "./broker/broker.ts";
import type { Connection } from "./connection.ts";
import type { HubLimits } from "./deps.ts";

/** Seconds over which the frames of a person or an address are counted. */
const WINDOW = 10;

/** How much clients may send (SPEC SL-4): each connection, and all of a person or of an address without one. */
export class Traffic {
  readonly #limits: HubLimits;
  readonly #people: Counter;
  readonly #addresses: Counter;

  /** @param nodes how many live, this one too */
  constructor(limits: HubLimits, broker: Broker, nodes: () => number) {
    this.#limits = limits;
    const counter = (name: string, frames: () => number) =>
      createCounter({
        get points() {
          return frames() * WINDOW;
        },
        seconds: WINDOW,
        shared: { name, messenger: broker, nodes },
      });
    this.#people = counter("frames of people", () => limits.framesPerPerson);
    this.#addresses = counter("frames of addresses", () => limits.framesPerAddress);
  }

  /** Counts a frame. False: it is too much. */
  take(connection: Connection, frame: string | Uint8Array): boolean {
    connection.allowance -= this.#weight(frame);
    if (connection.allowance < 0) return false;
    const { caller, address } = connection;
    if (caller.kind === "user") return this.#people(caller.userId).allowed;
    if (caller.kind === "service") return this.#people(`token ${caller.tokenId}`).allowed;
    return this.#addresses(address).allowed;
  }

  /** One, or as many as its bytes are worth. */
  #weight(frame: string | Uint8Array): number {
    const part = this.#limits.bytes / this.#limits.rate;
    // A character is at most three bytes: most frames need no closer look.
    if (frame.length * 3 <= part) return 1;
    return Math.max(1, (typeof frame === "string" ? Buffer.byteLength(frame) : frame.length) / part);
  }
}
