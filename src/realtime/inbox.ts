import type { Connection } from "./connection.ts";
import { IN_FLIGHT, QUEUE_BYTES, QUEUE_FRAMES } from "./limits.ts";

/**
 * Takes one frame; undefined: done already. `accepted` may be called before the promise resolves: then the next frame is taken.
 * Never rejects.
 */
export type Take = (connection: Connection, frame: string, accepted: () => void) => Promise<void> | undefined;

/**
 * The commands of one connection, one at a time and in order (SPEC OR-1), since Bun would run async handlers concurrently.
 * It exists only while something is under way.
 */
export class Inbox {
  readonly #connection: Connection;
  readonly #take: Take;
  readonly #queue: string[] = [];
  #bytes = 0;
  #inFlight = 0;
  /** A command is under way that the next one has to wait for. */
  #busy = false;
  #running = false;

  constructor(connection: Connection, take: Take) {
    this.#connection = connection;
    this.#take = take;
  }

  /** False: too much is waiting, and the frame was not taken. */
  push(frame: string): boolean {
    if (this.#queue.length >= QUEUE_FRAMES) return false;
    if (this.#queue.length > 0 && this.#bytes + frame.length > QUEUE_BYTES) return false;
    this.#queue.push(frame);
    this.#bytes += frame.length;
    this.#run();
    return true;
  }

  /** What waits is not done any more: the socket is gone. What is under way finishes. */
  clear(): void {
    this.#queue.length = 0;
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    while (!this.#busy && this.#inFlight < IN_FLIGHT && this.#queue.length > 0) {
      const frame = this.#queue.shift()!;
      this.#bytes -= frame.length;
      this.#start(frame);
    }
    this.#running = false;
    if (this.#inFlight === 0 && this.#queue.length === 0) this.#connection.inbox = null;
  }

  #start(frame: string): void {
    let mine = true;
    this.#busy = true;
    const release = () => {
      if (mine) this.#busy = false;
      mine = false;
    };
    const done = this.#take(this.#connection, frame, () => {
      release();
      this.#run();
    });
    if (done === undefined) {
      release();
      return;
    }
    this.#inFlight++;
    void done.then(() => {
      this.#inFlight--;
      release();
      this.#run();
    });
  }
}
