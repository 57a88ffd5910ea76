export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  links: { traceId: string; spanId: string }[];
  /** Which node sent it. */
  instance: string;
}

/** A collector of traces that stores what it receives by OTLP over HTTP, in JSON. */
export function startOtlpCollector() {
  const spans: CollectedSpan[] = [];
  const requests: Headers[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      requests.push(request.headers);
      // biome-ignore lint/suspicious/noExplicitAny: the document as OTLP has it
      const body: any = await request.json();
      for (const { resource, scopeSpans } of body.resourceSpans) {
        // biome-ignore lint/suspicious/noExplicitAny: as above
        const of = (key: string) => resource.attributes.find((one: any) => one.key === key)?.value.stringValue ?? "";
        for (const scope of scopeSpans)
          for (const span of scope.spans)
            spans.push({ ...span, links: span.links ?? [], instance: of("service.instance.id") });
      }
      return Response.json({});
    },
  });
  return { spans, requests, url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}
