import type { SpanContext, Tracer } from "@opentelemetry/api";
import type { Logger } from "pino";
import type { Config } from "../config/options.ts";
import { AppError } from "./errors.ts";

/** A part of a trace that is being recorded. */
export interface Span {
  readonly traceId: string;
  /** For the next service, in the form of W3C Trace Context. */
  readonly traceparent: string;
  /** @param links other spans that this one is also for */
  child(name: string, links?: readonly Span[]): Span;
  recordError(error: unknown): void;
  end(): void;
}

export interface Tracing {
  /**
   * Begins a span where something comes in. It goes on with the caller's trace, when they sent one, and is sampled when that is.
   * Null: it is not sampled, or nothing is traced.
   */
  begin(name: string, traceparent?: string | null, attributes?: Record<string, string>): Span | null;
  /** Sends what waits, for at most two seconds. */
  stop(): Promise<void>;
}

export const NO_TRACING: Tracing = { begin: () => null, stop: async () => {} };

/** Spans that may wait to be sent; more are dropped. */
const MAX_QUEUED_SPANS = 2_048;
const STOP_MS = 2_000;
/** How often the same error of the collector is logged, in ms. */
const WARN_INTERVAL_MS = 60_000;

type TracingConfig = Pick<
  Config,
  "OTEL_EXPORTER_OTLP_ENDPOINT" | "OTEL_EXPORTER_OTLP_HEADERS" | "OTEL_TRACES_SAMPLER_ARG"
>;

/** Traces by OTLP over HTTP, where an endpoint is configured; only then its packages are loaded. */
export async function createTracing(
  config: TracingConfig,
  { version, logger }: { version: string; logger: Pick<Logger, "warn"> },
): Promise<Tracing> {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === null || config.OTEL_TRACES_SAMPLER_ARG === 0) return NO_TRACING;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, "")}/v1/traces`,
    headers: parseHeaders(config.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMillis: 5_000,
  });
  let warnedAt = Number.NEGATIVE_INFINITY;
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      "service.name": "usher",
      "service.version": version,
      "service.instance.id": crypto.randomUUID(),
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(config.OTEL_TRACES_SAMPLER_ARG) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        maxQueueSize: MAX_QUEUED_SPANS,
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: 5_000,
        exporter: {
          export: (spans, done) =>
            exporter.export(spans, (result) => {
              if (result.error && performance.now() - warnedAt > WARN_INTERVAL_MS) {
                warnedAt = performance.now();
                logger.warn({ err: result.error }, "traces could not be sent; those that waited are lost");
              }
              done(result);
            }),
          forceFlush: () => exporter.forceFlush(),
          shutdown: () => exporter.shutdown(),
        },
      }),
    ],
  });
  const tracer: Tracer = provider.getTracer("usher", version);

  function start(name: string, parent: SpanContext | null, links: readonly Span[], attributes = {}): Span | null {
    const context = parent === null ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent);
    const linked = links.flatMap(({ traceparent }) => parseTraceparent(traceparent) ?? []);
    const span = tracer.startSpan(name, { attributes, links: linked.map((one) => ({ context: one })) }, context);
    if (!span.isRecording()) return null;
    const own = span.spanContext();
    const made: Span = {
      traceId: own.traceId,
      traceparent: `00-${own.traceId}-${own.spanId}-01`,
      // What is begun below a span that is recorded is recorded too.
      child: (childName, others = []) => start(childName, own, others) ?? made,
      recordError(error) {
        const code = error instanceof AppError ? error.code : "internal";
        span.setStatus({ code: api.SpanStatusCode.ERROR, message: code });
      },
      end: () => span.end(),
    };
    return made;
  }

  return {
    begin: (name, traceparent, attributes) => start(name, parseTraceparent(traceparent), [], attributes),
    async stop() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref());
      await Promise.race([provider.shutdown().catch(() => {}), late]);
    },
  };
}

const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/;

/** Parses a traceparent; null: there is none, or it is invalid. */
function parseTraceparent(traceparent: string | null | undefined): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  if (traceId === undefined) return null;
  return { traceId, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16) & 1, isRemote: true };
}

/** `api-key=abc,tenant=1`, percent-encoded where need be, as the standard writes them. */
function parseHeaders(text: string | null): Record<string, string> {
  const pairs = (text ?? "").split(",").map((pair) => pair.split("="));
  return Object.fromEntries(
    pairs
      .filter(([name]) => name?.trim())
      .map(([name, ...value]) => [name!.trim(), decodeURIComponent(value.join("=").trim())]),
  );
}
