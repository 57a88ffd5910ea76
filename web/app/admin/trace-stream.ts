import { UsherError } from "../../../sdk/errors.ts";

/** A frame that a node received or sent. */
export interface TraceFrame {
  at: string;
  /** The number of the node that received or sent it. */
  node: string;
  direction: "in" | "out";
  /** Null: it was for all who are in the room, `connections` of them on that node. */
  connection_id: string | null;
  user_id: string | null;
  room: string | null;
  seq: number | null;
  type: string;
  bytes: number;
  connections: number;
  /** Its first thousand characters, without secrets; null: it is not text. */
  text: string | null;
}

export type TraceTarget = { room: string } | { user_id: string };

/** What came since the last batch. `dropped`: so many frames were left out, as there were too many. */
export interface TraceBatch {
  frames: TraceFrame[];
  dropped: number;
}

/**
 * The frames of a room or person, live; ends after `seconds`. It does not reconnect by itself, as an EventSource would: each start
 * is written to the audit log. Throws UsherError when it is refused or cut.
 */
export async function* readTrace(
  target: TraceTarget,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<TraceBatch> {
  const query = new URLSearchParams({ ...target, seconds: String(seconds) });
  const response = await withNetworkError(() => fetch(`/api/v1/admin/traces?${query}`, { signal }), signal);
  if (!response.ok || response.body === null) throw await toError(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await withNetworkError(() => reader.read(), signal);
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop() ?? "";
    yield parseEvents(events);
  }
}

/** Parses complete server-sent events; comments are ignored. */
export function parseEvents(events: readonly string[]): TraceBatch {
  const batch: TraceBatch = { frames: [], dropped: 0 };
  for (const event of events) {
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (data === undefined) continue;
    if (/^event: left-out$/m.test(event)) batch.dropped += Number(data);
    else batch.frames.push(JSON.parse(data));
  }
  return batch;
}

async function withNetworkError<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new UsherError("network", "The connection to the server was lost. Start again to see more.", {
      retry: true,
      cause,
    });
  }
}

async function toError(response: Response): Promise<UsherError> {
  const problem = await response.json().catch(() => ({}));
  const { code = "internal", detail = "The server did not start the trace.", errors = [] } = problem;
  return new UsherError(code, detail, { retry: false, status: response.status, errors });
}
