import { AsyncLocalStorage } from "node:async_hooks";
import type { Span } from "./tracing.ts";

/** What is being done for whom. It goes along through every await, and into each line of the log. */
export interface Context {
  /** Of a request by HTTP or gRPC. */
  request_id?: string;
  /** Of a socket, as `system:connected` tells it. */
  connection_id?: string;
  /** What is being traced; null or left out: nothing. */
  span?: Span | null;
}

const storage = new AsyncLocalStorage<Context | undefined>();

export function within<T>(context: Context, work: () => T): T {
  return storage.run(context, work);
}

/** For work that is done for many at once, and belongs to none of them. */
export function outside<T>(work: () => T): T {
  return storage.run(undefined, work);
}

/** Which span the work at hand belongs to. */
export function presentSpan(): Span | null {
  return storage.getStore()?.span ?? null;
}

/** The ids of the work at hand, for a line of the log. */
export function presentIds(): Record<string, string> {
  const { span, ...ids } = storage.getStore() ?? {};
  return span ? { ...ids, trace_id: span.traceId } : ids;
}

/** Does a part of what is being traced, in a span of its own. Where nothing is traced it costs one look. */
export async function spanned<T>(name: string, work: (span: Span | null) => Promise<T>): Promise<T> {
  const present = storage.getStore();
  const span = present?.span?.child(name) ?? null;
  if (span === null) return work(null);
  return inside(span, () => work(span), present);
}

/** What is done for several at once: a span of the first one that is traced, with links to the others. */
export async function spannedTogether<T>(
  name: string,
  spans: readonly (Span | null)[],
  work: () => Promise<T>,
): Promise<T> {
  const [first, ...others] = spans.filter((span) => span !== null);
  if (first === undefined) return work();
  return inside(first.child(name, others), work);
}

async function inside<T>(span: Span, work: () => Promise<T>, ids: Context = {}): Promise<T> {
  try {
    return await within({ ...ids, span }, work);
  } catch (error) {
    span.failed(error);
    throw error;
  } finally {
    span.end();
  }
}
