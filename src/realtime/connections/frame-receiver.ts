import type { HubLimits, HubMetrics } from "../deps.ts";
import { MAX_IN_FLIGHT, MAX_QUEUED_BYTES, MAX_QUEUED_FRAMES } from "../limits/fixed-limits.ts";
import type { InboundRateLimiter } from "../limits/inbound-rate-limiter.ts";
import type { FrameTracer } from "../tracing/frame-tracer.ts";
import type { CommandDispatcher } from "./command-dispatcher.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionCloser } from "./connection-closer.ts";
import type { FrameSender } from "./frame-sender.ts";

export interface FrameReceiverDeps {
  limits: HubLimits;
  metrics: HubMetrics;
  rateLimiter: InboundRateLimiter;
  closer: ConnectionCloser;
  sender: FrameSender;
  tracer: FrameTracer;
  dispatcher: CommandDispatcher;
}

/** Receives frames: each is a heartbeat, and goes to the connection's inbound queue unless it sends too much (SPEC SL-4). */
export class FrameReceiver {
  readonly #deps: FrameReceiverDeps;
  readonly #handle: FrameHandler;

  constructor(deps: FrameReceiverDeps) {
    this.#deps = deps;
    this.#handle = (connection, frame, accepted) => deps.dispatcher.dispatch(connection, frame, accepted);
  }

  readonly receive = (connection: Connection, frame: string | Uint8Array): void => {
    if (!this.admitFrame(connection, frame)) return;
    const { metrics, sender } = this.#deps;
    if (typeof frame === "string") this.receiveCommand(connection, frame);
    else {
      metrics.received("other");
      sender.sendError(connection, "malformed", "Send text frames, not binary ones.");
    }
  };

  /** Counts a frame, and a heartbeat, before it is parsed. False: it is too much, and the connection is closed. */
  readonly admitFrame = (connection: Connection, frame: string | Uint8Array): boolean => {
    if (connection.terminateAt > 0) return false;
    this.recordActivity(connection);
    if (this.#deps.rateLimiter.consume(connection, frame)) return true;
    this.#deps.closer.close(connection, "flood");
    return false;
  };

  /** A command that was counted, or that a transport has made from a counted frame. */
  readonly receiveCommand = (connection: Connection, frame: string): void => {
    if (connection.terminateAt > 0) return;
    const { closer, tracer } = this.#deps;
    if (tracer.isActive) tracer.traceReceived(connection, frame);
    connection.inboundQueue ??= new InboundQueue(connection, this.#handle);
    if (!connection.inboundQueue.push(frame)) closer.close(connection, "flood");
  };

  /** A ping or pong of a client: it counts as a frame does. */
  readonly receivePing = (connection: Connection): void => void this.admitFrame(connection, "");

  /** The client is alive. */
  readonly recordActivity = (connection: Connection): void => {
    const { rate, burst } = this.#deps.limits;
    connection.recordActivity(performance.now(), rate, burst);
  };
}

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
