import { CLOSE, type CloseReason } from "../../../protocol/codes.ts";
import type { HubMetrics } from "../deps.ts";
import { CLOSE_GRACE_MS } from "../limits/fixed-limits.ts";
import type { Connection } from "./connection.ts";
import { encodeBye } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";
import { MIN_RECONNECT_WINDOW_MS } from "./reconnect-window.ts";

/** Closes connections (SPEC CL): the client gets a reason, and a grace in which to close; then the connection checker terminates it. */
export class ConnectionCloser {
  readonly #sender: FrameSender;
  readonly #metrics: HubMetrics;

  constructor(sender: FrameSender, metrics: HubMetrics) {
    this.#sender = sender;
    this.#metrics = metrics;
  }

  /** Sends `system:bye` and closes. Does nothing while it is being closed. @param windowMs ms over which the client may reconnect */
  close(connection: Connection, reason: CloseReason, windowMs = MIN_RECONNECT_WINDOW_MS): void {
    if (connection.terminateAt > 0) return;
    this.#sender.send(connection, "system:bye", encodeBye(reason, [0, windowMs]));
    this.closeAfterBye(connection, reason);
  }

  /** Closes one that was sent `system:bye` already. */
  closeAfterBye(connection: Connection, reason: CloseReason): void {
    const { socket } = connection;
    if (socket === null || connection.terminateAt > 0) return;
    this.#metrics.closed(reason);
    connection.terminateAt = performance.now() + CLOSE_GRACE_MS;
    socket.close(CLOSE[reason].code, CLOSE[reason].reason);
  }
}
