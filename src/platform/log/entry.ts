import type { Span } from "../tracing.ts";

/**
 * A fact in a room's log, as it was committed. `payload` is JSON text, made once: frames are spliced around it without a parse.
 */
export interface LogEntry {
  room: string;
  /** Dense per room: 1, 2, 3 … A hole is the proof of a loss. */
  seq: number;
  type: string;
  payload: string;
  /** The traceparent of what it is part of, where that is being traced; for nodes, never for clients. */
  trace?: string;
}

/** What a transaction hands in; `seq` is given at commit. `meta` (actor, reason, traceparent) stays on the server. */
export interface NewEntry {
  room: string;
  type: string;
  payload: string;
  meta: string | null;
}

/** What a read of a room's log returns. `complete`: the entries run from `since + 1` to `head` without a hole. */
export interface LogSlice {
  room: string;
  head: number;
  entries: LogEntry[];
  complete: boolean;
}

/** The same `meta`, JSON text, which also says what the entry is part of. Null when there is nothing to say. */
export function withTraceparent(span: Span | null, meta: string | null = null): string | null {
  return span === null ? meta : JSON.stringify({ ...JSON.parse(meta ?? "{}"), traceparent: span.traceparent });
}

/** The traceparent that `withTraceparent` put there. */
export function getTraceparent(meta: string | null): string | undefined {
  return meta?.includes('"traceparent"') ? JSON.parse(meta).traceparent : undefined;
}

/**
 * Delivers committed entries to connected clients. Never throws: clients that are not reached get them from the log tail.
 * `tookMs`: ms from the start of their transaction until it was committed, for the metrics.
 */
export type Publish = (entries: readonly LogEntry[], tookMs: number) => void;
