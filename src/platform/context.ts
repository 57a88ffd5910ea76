import { AsyncLocalStorage } from "node:async_hooks";
import type { Span } from "./tracing.ts";

/** The context of the current work. It follows every await, and into each line of the log. */
export interface Context {
  /** Of a request by HTTP or gRPC. */
  request_id?: string;
  /** Of a socket, as `system:connected` has it. */
  connection_id?: string;
  /** What is being traced; null or left out: nothing. */
  span?: Span | null;
}

const storage = new AsyncLocalStorage<Context | undefined>();

export function runWithContext<T>(context: Context, work: () => T): T {
  return storage.run(context, work);
}

/** Runs work for many at once outside of any context. */
export function detached<T>(work: () => T): T {
  return storage.run(undefined, work);
}

/** The span that the current work belongs to. */
export function currentSpan(): Span | null {
  return storage.getStore()?.span ?? null;
}

/** The ids of the current work, for a line of the log. */
export function currentIds(): Record<string, string> {
  const { span, ...ids } = storage.getStore() ?? {};
  return span ? { ...ids, trace_id: span.traceId } : ids;
}

/** Does a part of what is being traced, in a span of its own. Where nothing is traced it costs one look-up. */
export async function withSpan<T>(name: string, work: (span: Span | null) => Promise<T>): Promise<T> {
  const context = storage.getStore();
  const span = context?.span?.child(name) ?? null;
  if (span === null) return work(null);
  return runInSpan(span, () => work(span), context);
}

/** What is done for several at once: a span of the first one that is traced, with links to the others. */
export async function withBatchSpan<T>(
  name: string,
  spans: readonly (Span | null)[],
  work: () => Promise<T>,
): Promise<T> {
  const [first, ...others] = spans.filter((span) => span !== null);
  if (first === undefined) return work();
  return runInSpan(first.child(name, others), work);
}

async function runInSpan<T>(span: Span, work: () => Promise<T>, ids: Context = {}): Promise<T> {
  try {
    return await runWithContext({ ...ids, span }, work);
  } catch (error) {
    span.recordError(error);
    throw error;
  } finally {
    span.end();
  }
}
