import type { RequestInfo } from "../../platform/http/api.ts";
import { type Logger, redactUrl } from "../../platform/logger.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { isForApi, isProbe } from "./api-paths.ts";

/** Returns a function that counts a response of the API, and logs every response: failures at the level info, others at debug. */
export function createRequestLog({ metrics, logger }: { metrics: Metrics | null; logger: Logger }) {
  return (request: Request, { status }: Response, { address, requestId }: RequestInfo, ms: number): void => {
    if (isForApi(request)) metrics?.observeRequest(request.method, status, ms / 1_000);
    const { pathname, search } = new URL(request.url);
    // Balancers poll several times a second: the result of /ready is logged when it changes, not at each request.
    const level = status >= 500 && !isProbe(pathname) ? "info" : "debug";
    if (!logger.isLevelEnabled(level)) return;
    logger[level](
      {
        method: request.method,
        path: redactUrl(pathname + search),
        status,
        ms: Math.round(ms * 10) / 10,
        address,
        request_id: requestId,
      },
      "request completed",
    );
  };
}
