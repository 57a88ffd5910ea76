import { MAX_IN_FLIGHT, MAX_QUEUED_BYTES, MAX_QUEUED_FRAMES } from "../limits/fixed-limits.ts";
import type { Connection } from "./connection.ts";

/**
 * Handles one frame; undefined: done already. `accepted` may be called before the promise resolves: then the next frame is
 * handled. Never rejects.
 */
export type FrameHandler = (connection: Connection, frame: string, accepted: () => void) => Promise<void> | undefined;

/**
 * The commands of one connection, one at a time and in order (SPEC OR-1), since Bun would run async handlers concurrently.
 * It exists only while something is under way.
 */
export class InboundQueue {
  readonly #connection: Connection;
  readonly #handle: FrameHandler;
  readonly #queue: string[] = [];
  #bytes = 0;
  #inFlight = 0;
  /** The next command has to wait for the one under way. */
  #busy = false;
  #running = false;

  constructor(connection: Connection, handle: FrameHandler) {
    this.#connection = connection;
    this.#handle = handle;
  }

  /** False: the queue is full, and the frame was not added. */
  push(frame: string): boolean {
    if (this.#queue.length >= MAX_QUEUED_FRAMES) return false;
    if (this.#queue.length > 0 && this.#bytes + frame.length > MAX_QUEUED_BYTES) return false;
    this.#queue.push(frame);
    this.#bytes += frame.length;
    this.#run();
    return true;
  }

  /** Drops the frames that wait: the socket is closed. Commands under way finish. */
  clear(): void {
    this.#queue.length = 0;
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    while (!this.#busy && this.#inFlight < MAX_IN_FLIGHT && this.#queue.length > 0) {
      const frame = this.#queue.shift()!;
      this.#bytes -= frame.length;
      this.#start(frame);
    }
    this.#running = false;
    if (this.#inFlight === 0 && this.#queue.length === 0) this.#connection.inboundQueue = null;
  }

  #start(frame: string): void {
    let isCurrent = true;
    this.#busy = true;
    const release = () => {
      if (isCurrent) this.#busy = false;
      isCurrent = false;
    };
    const done = this.#handle(this.#connection, frame, () => {
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
