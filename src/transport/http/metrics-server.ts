import { timingSafeEqual } from "node:crypto";
import { createAddressList } from "../../config/address-list.ts";
import type { Config } from "../../config/options.ts";
import { isSystemError, StartError } from "../../config/start-error.ts";
import { digestSecret } from "../../platform/digest.ts";
import { parseBearer } from "../../platform/http/bearer.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { isLocalRequest } from "./scrape.ts";

type MetricsConfig = Pick<Config, "METRICS_HOST" | "METRICS_PORT" | "METRICS_TOKEN" | "METRICS_ALLOW">;

/** `/metrics` on its own port, for Prometheus: this machine, the addresses of METRICS_ALLOW, and clients with METRICS_TOKEN. */
export function createMetricsServer(config: MetricsConfig, metrics: Pick<Metrics, "text" | "contentType">) {
  const canRead = createAccessCheck(config);
  try {
    const server = Bun.serve({
      hostname: config.METRICS_HOST,
      port: config.METRICS_PORT,
      development: false,
      async fetch(request, server) {
        if (!canRead(request, server.requestIP(request)?.address ?? "")) {
          const sentence = "Send METRICS_TOKEN as Authorization: Bearer, or call from an address of METRICS_ALLOW.\n";
          return new Response(sentence, { status: 401, headers: { "www-authenticate": "Bearer" } });
        }
        if (new URL(request.url).pathname !== "/metrics")
          return new Response("Only /metrics is here.\n", { status: 404 });
        return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
      },
    });
    return { port: server.port ?? config.METRICS_PORT, stop: () => server.stop(true) };
  } catch (error) {
    if (isSystemError(error, "EADDRNOTAVAIL"))
      throw new StartError(`This machine has no address ${config.METRICS_HOST}. Correct METRICS_HOST.`);
    if (!isSystemError(error, "EADDRINUSE")) throw error;
    throw new StartError(
      `Port ${config.METRICS_PORT} is taken. Choose another for the metrics: METRICS_PORT=9157, or METRICS_ENABLED=false.`,
    );
  }
}

function createAccessCheck({
  METRICS_TOKEN,
  METRICS_ALLOW,
}: MetricsConfig): (request: Request, peer: string) => boolean {
  const isAllowed = createAddressList(METRICS_ALLOW);
  const token = METRICS_TOKEN === null ? null : digestSecret(METRICS_TOKEN);
  return (request, peer) => {
    if (isLocalRequest(request, peer) || isAllowed(peer)) return true;
    const sent = parseBearer(request.headers.get("authorization"));
    return token !== null && sent !== null && timingSafeEqual(token, digestSecret(sent));
  };
}
