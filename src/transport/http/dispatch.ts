import type { Config } from "../../config/options.ts";
import { within } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api, RequestFacts } from "../../platform/http/api.ts";
import { problemResponse } from "../../platform/http/problem.ts";
import { addressKey, type Counter, tooMany } from "../../platform/http/rate-limit.ts";
import { type Logger, redactUrl } from "../../platform/logger.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { Span, Tracing } from "../../platform/tracing.ts";
import { isForApi } from "./api-paths.ts";
import { createFacts } from "./facts.ts";
import { type Pages, sentence } from "./pages.ts";
import { scrape } from "./scrape.ts";
import { secureHeaders } from "./security-headers.ts";
import { withHost } from "./with-host.ts";

/** The WebSocket side: decides about an upgrade, and handles the sockets of the upgraded. */
export interface WebSocketDoor<Data> {
  /** Where sockets are asked for; `/ws` when left out. */
  paths?: readonly string[];
  /** Undefined: upgraded. A response: refused (401, 403, 426). */
  upgrade(
    request: Request,
    server: Bun.Server<Data>,
    facts: RequestFacts,
  ): Response | undefined | Promise<Response | undefined>;
  handler: Bun.WebSocketHandler<Data>;
}

export interface DispatchDeps<Data> {
  config: Pick<Config, "HTTP_WRITE_TIMEOUT" | "TRUSTED_PROXIES">;
  api: Api;
  /** Whether nothing from this address is to be answered. Left out: no address is banned. */
  isBanned?: (address: string) => boolean;
  websocket: WebSocketDoor<Data>;
  /** What this node answers; other paths of Usher are refused here, and the refusal says so. */
  serves: { api: boolean; sockets: boolean };
  /** Whether this node is about to stop: answers then end their connections, so that clients open the next one elsewhere. */
  leaving?: () => boolean;
  /** What is no path of ours goes to the pages; null: there are none, and it is 404. */
  pages: Pages | null;
  /** Counts what is not the API's, which counts for itself. Left out: it is not limited. */
  addresses?: { requests: Counter; assets: Counter };
  metrics: Metrics | null;
  /** Left out: nothing is traced. */
  tracing?: Tracing;
  /** Whether a bearer token lets its holder read the metrics from elsewhere; throws AppError. Left out: none does. */
  mayReadMetrics?: (token: string) => Promise<boolean>;
  logger: Logger;
  /** Whether we speak TLS ourselves. */
  byTls: boolean;
}

/**
 * Answers a request; undefined: it is a socket now.
 *
 * @param peer whose connection it came by; null: the page process's, which may say for whom it asks
 */
export type Answer<Data> = (
  request: Request,
  server: Bun.Server<Data>,
  peer: string | null,
) => Promise<Response | undefined>;

/** Files whose names carry a hash of what is in them: browsers ask for each once. */
const ASSETS = "/assets/";
/** A path of the API that belongs to the sockets. */
const STREAM = "/api/v1/stream";

/** Brings each request to what answers it: the sockets, the API, the metrics, the pages; and says no where none of them is. */
export function createDispatch<Data>(deps: DispatchDeps<Data>): Answer<Data> {
  const { config, api, websocket, logger, serves, metrics } = deps;
  const factsOf = createFacts(config, deps.byTls);
  const socketPaths = websocket.paths ?? ["/ws"];

  /** What is written to the log while a request is answered carries its ids. */
  async function answer(
    received: Request,
    server: Bun.Server<Data>,
    peer: string | null,
  ): Promise<Response | undefined> {
    const request = withHost(received);
    if (request === null)
      return problemResponse(new AppError("malformed", "The Host header names no host."), crypto.randomUUID());
    const facts: RequestFacts = {
      ...factsOf(request, peer),
      allowSilence: (seconds) => server.timeout(received, seconds),
    };
    const { pathname } = new URL(request.url);
    // A load balancer's own address may be in a banned range: it asks whether this node lives, for others.
    if (deps.isBanned?.(facts.address) && !isProbe(pathname))
      return problemResponse(new AppError("banned", "This address is banned."), facts.requestId);
    if (socketPaths.includes(pathname))
      return serves.sockets
        ? within({ request_id: facts.requestId }, () => upgraded(request, server, facts))
        : notHere("edge", facts);
    const began = performance.now();
    const span = beginSpan(request, pathname);
    return within({ request_id: facts.requestId, span }, async () => {
      try {
        const response = await dispatch(request, pathname, facts, peer);
        secureHeaders(response.headers, facts);
        if (peer !== null && deps.leaving?.()) response.headers.set("connection", "close");
        told(request, response, facts, performance.now() - began);
        if (response.status >= 500) span?.failed(response.status);
        return response;
      } finally {
        span?.end();
      }
    });
  }

  /** Only the API is traced: probes and pages say little. */
  function beginSpan(request: Request, pathname: string): Span | null {
    if (deps.tracing === undefined || !pathname.startsWith("/api/")) return null;
    const { method, headers } = request;
    const attributes = { "http.request.method": method, "url.path": redactUrl(pathname) };
    return deps.tracing.begin(`HTTP ${method}`, headers.get("traceparent"), attributes);
  }

  async function upgraded(request: Request, server: Bun.Server<Data>, facts: RequestFacts) {
    const refusal = await websocket.upgrade(request, server, facts);
    if (refusal === undefined) return undefined;
    metrics?.handshakeRefused(refusal.status);
    secureHeaders(refusal.headers, facts);
    return refusal;
  }

  async function dispatch(
    request: Request,
    pathname: string,
    facts: RequestFacts,
    peer: string | null,
  ): Promise<Response> {
    const refusal = isForApi(request) ? null : overLimit(pathname, facts);
    if (refusal !== null) return refusal;
    if (pathname === "/metrics" && metrics !== null) {
      const scraped = await scrape({ metrics, mayReadMetrics: deps.mayReadMetrics }, request, peer);
      if (scraped instanceof AppError) return problemResponse(scraped, facts.requestId);
      if (scraped !== null) return scraped;
    }
    if (pathname === STREAM) {
      if (!serves.sockets) return notHere("edge", facts);
    } else if (!serves.api && peer !== null && pathname.startsWith("/api/")) return notHere("api", facts);
    if (isForApi(request) || deps.pages === null) return inTime(api.fetch(request, facts), facts);
    return deps.pages(request, facts);
  }

  /** The refusal of a page, a file or the metrics that an address asks for too often. */
  function overLimit(pathname: string, { address }: RequestFacts): Response | null {
    const count = pathname.startsWith(ASSETS) ? deps.addresses?.assets : deps.addresses?.requests;
    const standing = count?.(addressKey(address));
    if (standing === undefined || standing.allowed) return null;
    const { message, status, extra } = tooMany(standing.wait);
    return sentence(status, message, { "retry-after": String(extra.retry_after) });
  }

  /** HTTP_WRITE_TIMEOUT for an ordinary answer. The handler goes on; its Idempotency-Key, if any, keeps what it comes to. */
  async function inTime(response: Response | Promise<Response>, facts: RequestFacts): Promise<Response> {
    const late = Promise.withResolvers<Response>();
    const timer = setTimeout(() => {
      logger.error({ request_id: facts.requestId }, "a request took longer than HTTP_WRITE_TIMEOUT");
      late.resolve(
        problemResponse(
          new AppError("unavailable", "This took too long. Try again.", { retry_after: 5 }),
          facts.requestId,
        ),
      );
    }, config.HTTP_WRITE_TIMEOUT);
    try {
      return await Promise.race([response, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  function told(request: Request, response: Response, facts: RequestFacts, ms: number): void {
    const isOurs = isForApi(request);
    if (isOurs) metrics?.answered(request.method, response.status, ms / 1_000);
    const { pathname, search } = new URL(request.url);
    // Balancers ask several times a second: what /ready says is told when it changes, not at each request.
    const level = response.status >= 500 && !isProbe(pathname) ? "info" : "debug";
    if (!logger.isLevelEnabled(level)) return;
    logger[level](
      {
        method: request.method,
        path: redactUrl(pathname + search),
        status: response.status,
        ms: Math.round(ms * 10) / 10,
        address: facts.address,
        request_id: facts.requestId,
      },
      "answered",
    );
  }

  return answer;
}

/** The operator's routing is wrong: this node has not that role. */
function notHere(role: string, { requestId }: RequestFacts): Response {
  return problemResponse(
    new AppError("not_found", `This node does not have the role "${role}". Ask another one.`),
    requestId,
  );
}

function isProbe(pathname: string): boolean {
  return pathname === "/health" || pathname === "/ready";
}
