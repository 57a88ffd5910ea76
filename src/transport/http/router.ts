import type { Config } from "../../config/options.ts";
import { addressKey } from "../../platform/address.ts";
import { runWithContext } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api, RequestInfo } from "../../platform/http/api.ts";
import { problemResponse } from "../../platform/http/problem.ts";
import { type RateLimiter, rateLimitedError } from "../../platform/http/rate-limiter.ts";
import { type Logger, redactUrl } from "../../platform/logger.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { Span, Tracing } from "../../platform/tracing.ts";
import { isForApi, isProbe } from "./api-paths.ts";
import { type PageProxy, textResponse } from "./page-proxy.ts";
import { createGetRequestInfo } from "./request-info.ts";
import { createRequestLog } from "./request-log.ts";
import { scrape } from "./scrape.ts";
import { secureHeaders } from "./security-headers.ts";
import { withHost } from "./with-host.ts";
import { createWriteTimeout } from "./write-timeout.ts";

/** The WebSocket transport: decides about an upgrade, and handles the sockets that it upgraded. */
export interface WebSocketEndpoint<Data> {
  /** The paths of the handshakes; `/ws` when left out. */
  paths?: readonly string[];
  /** Undefined: upgraded. A response: refused (401, 403, 426). */
  upgrade(
    request: Request,
    server: Bun.Server<Data>,
    info: RequestInfo,
  ): Response | undefined | Promise<Response | undefined>;
  handler: Bun.WebSocketHandler<Data>;
}

export interface RouterDeps<Data> {
  config: Pick<Config, "HTTP_WRITE_TIMEOUT" | "TRUSTED_PROXIES">;
  api: Api;
  /** Whether every request from this address is refused. Left out: no address is banned. */
  isBanned?: (address: string) => boolean;
  websocket: WebSocketEndpoint<Data>;
  /** What this node serves; other paths of Usher are refused here, and the refusal says so. */
  serves: { api: boolean; sockets: boolean };
  /** Whether this node is about to stop: responses then end their connections, so that clients open the next one at another node. */
  isStopping?: () => boolean;
  /** What is no path of ours goes to the pages; null: there are none, and it is 404. */
  pages: PageProxy | null;
  /** Counts what is not the API's, which counts for itself. Left out: it is not limited. */
  addresses?: { requests: RateLimiter; assets: RateLimiter };
  metrics: Metrics | null;
  /** Left out: nothing is traced. */
  tracing?: Tracing;
  /** Whether a bearer token lets its holder read the metrics from elsewhere; throws AppError. Left out: none does. */
  canReadMetrics?: (token: string) => Promise<boolean>;
  logger: Logger;
  /** Whether we speak TLS ourselves. */
  usesTls: boolean;
}

/**
 * Returns the response to a request; undefined: it is a socket now.
 *
 * @param peer address of the connection it came by; null: the page process's, which may say for whom it calls
 */
export type RequestHandler<Data> = (
  request: Request,
  server: Bun.Server<Data>,
  peer: string | null,
) => Promise<Response | undefined>;

/** Files whose names carry a hash of what is in them: browsers request each once. */
const ASSETS_PREFIX = "/assets/";
/** A path of the API that belongs to the sockets. */
const STREAM_PATH = "/api/v1/stream";

/** Routes each request: to the sockets, the API, the metrics, the pages; and refuses it where none of them is. */
export function createRouter<Data>(deps: RouterDeps<Data>): RequestHandler<Data> {
  const { config, api, websocket, serves, metrics } = deps;
  const getRequestInfo = createGetRequestInfo(config, deps.usesTls);
  const withWriteTimeout = createWriteTimeout(config, deps.logger);
  const logResponse = createRequestLog(deps);
  const socketPaths = websocket.paths ?? ["/ws"];

  /** Each log line of a request carries its ids. */
  async function handleRequest(
    received: Request,
    server: Bun.Server<Data>,
    peer: string | null,
  ): Promise<Response | undefined> {
    const request = withHost(received);
    if (request === null)
      return problemResponse(new AppError("malformed", "The Host header names no host."), crypto.randomUUID());
    const info: RequestInfo = {
      ...getRequestInfo(request, peer),
      setIdleTimeout: (seconds) => server.timeout(received, seconds),
    };
    const { pathname } = new URL(request.url);
    // A load balancer's own address may be in a banned range: it probes whether this node is alive, for its clients.
    if (deps.isBanned?.(info.address) && !isProbe(pathname))
      return problemResponse(new AppError("banned", "This address is banned."), info.requestId);
    if (socketPaths.includes(pathname))
      return serves.sockets
        ? runWithContext({ request_id: info.requestId }, () => upgrade(request, server, info))
        : wrongRoleResponse("edge", info);
    const began = performance.now();
    const span = beginSpan(deps.tracing, request, pathname);
    return runWithContext({ request_id: info.requestId, span }, async () => {
      try {
        const response = await routeRequest(request, pathname, info, peer);
        secureHeaders(response.headers, info);
        if (peer !== null && deps.isStopping?.()) response.headers.set("connection", "close");
        logResponse(request, response, info, performance.now() - began);
        if (response.status >= 500) span?.recordError(response.status);
        return response;
      } finally {
        span?.end();
      }
    });
  }

  async function upgrade(request: Request, server: Bun.Server<Data>, info: RequestInfo) {
    const refusal = await websocket.upgrade(request, server, info);
    if (refusal === undefined) return undefined;
    metrics?.countHandshakeRefusal(refusal.status);
    secureHeaders(refusal.headers, info);
    return refusal;
  }

  async function routeRequest(
    request: Request,
    pathname: string,
    info: RequestInfo,
    peer: string | null,
  ): Promise<Response> {
    const refusal = isForApi(request) ? null : checkLimit(deps.addresses, pathname, info);
    if (refusal !== null) return refusal;
    if (pathname === "/metrics" && metrics !== null) {
      const scraped = await scrape({ metrics, canReadMetrics: deps.canReadMetrics }, request, peer);
      if (scraped instanceof AppError) return problemResponse(scraped, info.requestId);
      if (scraped !== null) return scraped;
    }
    if (pathname === STREAM_PATH) {
      if (!serves.sockets) return wrongRoleResponse("edge", info);
    } else if (!serves.api && peer !== null && pathname.startsWith("/api/")) return wrongRoleResponse("api", info);
    if (isForApi(request) || deps.pages === null) return withWriteTimeout(api.fetch(request, info), info);
    return deps.pages(request, info);
  }

  return handleRequest;
}

/** Only the API is traced: spans of probes and pages say little. */
function beginSpan(tracing: Tracing | undefined, request: Request, pathname: string): Span | null {
  if (tracing === undefined || !pathname.startsWith("/api/")) return null;
  const { method, headers } = request;
  const attributes = { "http.request.method": method, "url.path": redactUrl(pathname) };
  return tracing.begin(`HTTP ${method}`, headers.get("traceparent"), attributes);
}

/** The refusal of a page, a file or the metrics that an address requests too often. */
function checkLimit(
  limiters: RouterDeps<unknown>["addresses"],
  pathname: string,
  { address }: RequestInfo,
): Response | null {
  const limiter = pathname.startsWith(ASSETS_PREFIX) ? limiters?.assets : limiters?.requests;
  const result = limiter?.(addressKey(address));
  if (result === undefined || result.allowed) return null;
  const { message, status, extra } = rateLimitedError(result.retryAfter);
  return textResponse(status, message, { "retry-after": String(extra.retry_after) });
}

/** The operator's routing is wrong: this node does not have that role. */
function wrongRoleResponse(role: string, { requestId }: RequestInfo): Response {
  return problemResponse(
    new AppError("not_found", `This node does not have the role "${role}". Ask another one.`),
    requestId,
  );
}
