import { isLoopback } from "../../config/address-list.ts";
import { AppError } from "../../platform/errors.ts";
import { parseBearer } from "../../platform/http/bearer.ts";
import { isForwarded } from "../../platform/http/loopback.ts";
import type { Metrics } from "../../platform/metrics.ts";

export interface ScrapeDeps {
  metrics: Metrics;
  /** Whether a bearer token lets its holder read the metrics from elsewhere; throws AppError. Left out: none does. */
  canReadMetrics?: (token: string) => Promise<boolean>;
}

/**
 * The metrics for this machine, and for a token that may read them; or why not. Null: the client sent no token, and gets a 404.
 *
 * @param peer whose socket it is; null: the page process
 */
export async function scrape(
  { metrics, canReadMetrics }: ScrapeDeps,
  request: Request,
  peer: string | null,
): Promise<Response | AppError | null> {
  if (isLocalRequest(request, peer)) return metricsResponse(metrics);
  const token = parseBearer(request.headers.get("authorization"));
  if (token === null || canReadMetrics === undefined) return null;
  try {
    return (await canReadMetrics(token))
      ? metricsResponse(metrics)
      : new AppError("forbidden", "This needs the scope stats.");
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** Whether it comes from this machine itself, and not through a proxy on it. */
export function isLocalRequest(request: Request, peer: string | null): boolean {
  if (isForwarded((name) => request.headers.get(name))) return false;
  return peer !== null && isLoopback(peer);
}

async function metricsResponse(metrics: Metrics): Promise<Response> {
  return new Response(await metrics.text(), {
    headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
  });
}
