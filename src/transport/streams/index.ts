import type { CloseReason, Code } from "../../../protocol/codes.ts";
import type { Caller } from "../../platform/caller.ts";
import type { Broadcast } from "../../realtime/transport.ts";

export { extractPayload } from "../../realtime/transport.ts";

/**
 * Sockets that are not WebSockets, as the hub sees them: clients that only listen, by SSE or by gRPC's Subscribe. A stream is in its
 * rooms exactly as a WebSocket is: the same rights, recovery, limits, heartbeats, and rules for slow readers.
 * Made once by `createStreams` in streams.ts.
 */
export interface Streams {
  /**
   * Opens a stream. Throws AppError `rate_limited` (too many of this caller or address) or `unavailable` (the server stops).
   * The first frames may reach the sink before this returns.
   */
  open(request: StreamRequest): Stream;
  /** Awaited right before `open`: see `Hub.prepare`. */
  prepare(caller: Caller, address: string): Promise<void>;
  /** Sends a room's frame to the streams in it, like Bun's `publish`. Above 0: all keep up; -1 or 0: some do not. */
  readonly publish: Broadcast;
  /** Streams that are open. */
  readonly count: number;
  stop(): void;
}

export interface StreamRequest {
  caller: Caller;
  /** Whose streams count together, as `addressKey` says. */
  address: string;
  /** The rooms to be in, by their full names, each once; `since`: what was seen of it, null: from now on. */
  rooms: readonly { room: string; since: Position | null }[];
  sink: Sink;
}

/** `seq`: the last one seen; `epoch`: of the life of the log that it belongs to. */
export interface Position {
  seq: number;
  epoch: string;
}

/** Where the frames go: the body of an SSE response, a gRPC call. Nothing here throws or waits. */
export interface Sink {
  /** In order; the first is `system:connected`. The frames of one room's topic are the same object for all its streams. */
  write(frame: StreamFrame): void;
  /** A heartbeat, every 15 s. */
  heartbeat(): void;
  /** Bytes that were written here and that the network has not taken yet. */
  buffered(): number;
  /**
   * The last call. What was written may still go out, after a `system:bye` that says why; with "cut" the client does not read,
   * and nothing more needs to be sent. Never called after `Stream.closed`.
   */
  end(reason: CloseReason | "cut"): void;
}

/** A frame as all clients get it, made once. */
export interface StreamFrame {
  readonly type: string;
  /** One JSON document in one line. */
  readonly text: string;
  /** Where in the log of which room the client is after this frame; null: where it was before. */
  readonly room: string | null;
  readonly seq: number | null;
}

export interface Stream {
  /**
   * The result of each room, in the order they were named: `code` says why a stream is not in one. Rejects with an AppError
   * when the stream ended before that, or the log could not be read; the stream is then closed already.
   */
  readonly roomResults: Promise<readonly RoomResult[]>;
  /** Which life of the log the positions belong to. Known from `system:connected` on. */
  readonly epoch: string;
  /** What the client has seen of each room when all that was written has reached it; null: not in it. In the order they were named. */
  positions(): readonly (number | null)[];
  /**
   * For a transport whose clients send frames as well: counts what they send before it is parsed. False: it is too much, and the
   * stream ends.
   */
  count(frame: string | Uint8Array): boolean;
  /**
   * For a transport whose clients send frames as well: does what a WebSocket client's frame would do. The reply comes to the sink; give it an
   * id, because an error without one is taken for the end of the stream.
   */
  command(frame: { type: string; id: number; payload: object }): void;
  /** For the transport: the sink has fewer bytes buffered. */
  drained(): void;
  /** For the transport: the client is gone. May be called twice, or after `end`. */
  closed(): void;
}

export interface RoomResult {
  room: string;
  recovered: boolean;
  code: Code | null;
}
