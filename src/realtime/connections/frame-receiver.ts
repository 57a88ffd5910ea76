import type { HubLimits, HubMetrics } from "../deps.ts";
import type { InboundRateLimiter } from "../limits/inbound-rate-limiter.ts";
import type { FrameTracer } from "../tracing/frame-tracer.ts";
import type { CommandDispatcher } from "./command-dispatcher.ts";
import type { Connection } from "./connection.ts";
import type { FrameSender } from "./frame-sender.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { type FrameHandler, InboundQueue } from "./inbound-queue.ts";

export interface FrameReceiverDeps {
  limits: HubLimits;
  metrics: HubMetrics;
  rateLimiter: InboundRateLimiter;
  heartbeat: Heartbeat;
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

  receive(connection: Connection, frame: string | Uint8Array): void {
    if (!this.admitFrame(connection, frame)) return;
    const { metrics, sender } = this.#deps;
    if (typeof frame === "string") this.receiveCommand(connection, frame);
    else {
      metrics.received("other");
      sender.sendError(connection, "malformed", "Send text frames, not binary ones.");
    }
  }

  /** Counts a frame, and a heartbeat, before it is parsed. False: it is too much, and the connection is closed. */
  admitFrame(connection: Connection, frame: string | Uint8Array): boolean {
    if (connection.terminateAt > 0) return false;
    this.recordActivity(connection);
    if (this.#deps.rateLimiter.consume(connection, frame)) return true;
    this.#deps.heartbeat.close(connection, "flood");
    return false;
  }

  /** A command that was counted, or that a transport has made from a counted frame. */
  receiveCommand(connection: Connection, frame: string): void {
    if (connection.terminateAt > 0) return;
    const { heartbeat, tracer } = this.#deps;
    if (tracer.isActive) tracer.traceReceived(connection, frame);
    connection.inboundQueue ??= new InboundQueue(connection, this.#handle);
    if (!connection.inboundQueue.push(frame)) heartbeat.close(connection, "flood");
  }

  recordActivity(connection: Connection): void {
    const { rate, burst } = this.#deps.limits;
    connection.recordActivity(performance.now(), rate, burst);
  }
}
