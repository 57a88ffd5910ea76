import type { Config } from "../../config/options.ts";
import { isSystemError, StartError } from "../../config/start-error.ts";
import type { Metrics } from "../../platform/metrics.ts";

/** `/metrics` on its own port, for Prometheus; nothing else answers there. */
export function createMetricsServer(
  config: Pick<Config, "HTTP_HOST" | "METRICS_PORT">,
  metrics: Pick<Metrics, "text" | "contentType">,
) {
  try {
    const server = Bun.serve({
      hostname: config.HTTP_HOST,
      port: config.METRICS_PORT,
      development: false,
      async fetch(request) {
        if (new URL(request.url).pathname !== "/metrics")
          return new Response("Only /metrics is here.\n", { status: 404 });
        return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
      },
    });
    return { port: server.port ?? config.METRICS_PORT, stop: () => server.stop(true) };
  } catch (error) {
    if (!isSystemError(error, "EADDRINUSE")) throw error;
    throw new StartError(
      `Port ${config.METRICS_PORT} is taken. Choose another for the metrics: METRICS_PORT=9157, or METRICS_ENABLED=false.`,
    );
  }
}
