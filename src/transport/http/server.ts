import type { Config } from "../../config/options.ts";
import { isSystemError, StartError } from "../../config/start-error.ts";
import { within } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api, RequestFacts } from "../../platform/http/api.ts";
import { problemResponse } from "../../platform/http/problem.ts";
import { type Logger, redactUrl } from "../../platform/logger.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { Tls } from "../../platform/tls.ts";
import type { Span, Tracing } from "../../platform/tracing.ts";
import { createFacts } from "./facts.ts";
import { type Listener, listen } from "./listener.ts";
import type { Pages } from "./pages.ts";
import { secureHeaders } from "./security-headers.ts";

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

export interface HttpServerDeps<Data> {
  config: Pick<Config, "HTTP_HOST" | "HTTP_PORT" | "HTTP_READ_TIMEOUT" | "HTTP_WRITE_TIMEOUT" | "TRUSTED_PROXIES">;
  api: Api;
  /** Whether nothing from this address is to be answered. Left out: no address is banned. */
  isBanned?: (address: string) => boolean;
  websocket: WebSocketDoor<Data>;
  /** What this node answers; other paths of Usher are refused here, and the refusal says so. */
  serves: { api: boolean; sockets: boolean };
  /** Other processes of this machine listen on the same port. */
  sharesPort: boolean;
  /** Whether this node is about to stop: answers then end their connections, so that clients open the next one elsewhere. */
  leaving?: () => boolean;
  /** What is no path of ours goes to the pages; null: there are none, and it is 404. */
  pages: Pages | null;
  metrics: Metrics | null;
  /** Left out: nothing is traced. */
  tracing?: Tracing;
  /** Whether a bearer token lets its holder read the metrics from elsewhere; throws AppError. Left out: none does. */
  mayReadMetrics?: (token: string) => Promise<boolean>;
  /** The certificate to show; left out: plain HTTP. */
  tls?: Tls | null;
  logger: Logger;
  /** A unix socket on which the page process asks us in the name of its visitors; it may say who they are. */
  innerSocket?: string;
}

export interface HttpServer {
  port: number;
  /** For the hub: to all sockets of a topic. */
  publish: Listener["publish"];
  /** No new connections; requests that run may end, within `ms`; then everything left is cut. */
  stop(ms: number): Promise<void>;
}

/** A path of the API that belongs to the sockets. */
const STREAM = "/api/v1/stream";

/** Largest Content-Length that Bun lets reach us at all. What is over our own limit, but under this, gets a proper answer. */
const MOST_BYTES = 16 * 1_048_576;

/** One server for everything: `/ws`, the API, `/metrics` for this machine, and the pages. */
export function createHttpServer<Data>(deps: HttpServerDeps<Data>): HttpServer {
  const { config, api, websocket, logger, serves } = deps;
  const factsOf = createFacts(config, deps.tls != null);
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
    deps.metrics?.handshakeRefused(refusal.status);
    secureHeaders(refusal.headers, facts);
    return refusal;
  }

  async function dispatch(
    request: Request,
    pathname: string,
    facts: RequestFacts,
    peer: string | null,
  ): Promise<Response> {
    if (pathname === "/metrics" && deps.metrics !== null) {
      if (isThisMachine(request, peer)) return metricsAnswer(deps.metrics);
      const refusal = await refuseScraper(request);
      if (refusal === null) return metricsAnswer(deps.metrics);
      if (refusal !== "unasked") return problemResponse(refusal, facts.requestId);
    }
    if (pathname === STREAM) {
      if (!serves.sockets) return notHere("edge", facts);
    } else if (!serves.api && peer !== null && pathname.startsWith("/api/")) return notHere("api", facts);
    if (isApi(pathname) || deps.pages === null) return inTime(api.fetch(request, facts), facts);
    return deps.pages(request, facts);
  }

  /** Null: he may read the metrics. `unasked`: he did not say who he is, and is told nothing of them. */
  async function refuseScraper(request: Request): Promise<AppError | "unasked" | null> {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    if (token === undefined || deps.mayReadMetrics === undefined) return "unasked";
    try {
      return (await deps.mayReadMetrics(token)) ? null : new AppError("forbidden", "This needs the scope stats.");
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
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
    const isOurs = isApi(new URL(request.url).pathname);
    if (isOurs) deps.metrics?.answered(request.method, response.status, ms / 1_000);
    const level = response.status >= 500 ? "info" : "debug";
    if (!logger.isLevelEnabled(level)) return;
    const { pathname, search } = new URL(request.url);
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

  const shared = {
    maxRequestBodySize: MOST_BYTES,
    development: false as const,
    websocket: websocket.handler,
    error(error: Error) {
      logger.error({ err: error }, "a request failed outside the API");
      return problemResponse(new AppError("internal"), crypto.randomUUID());
    },
  };
  const inner =
    deps.innerSocket === undefined
      ? null
      : Bun.serve<Data>({
          ...shared,
          unix: deps.innerSocket,
          fetch: (request, server) => answer(request, server, null),
        });
  const outer = listening(config, () =>
    listen<Data>(
      {
        ...shared,
        // Over the time that our own limits take, which answer instead of cutting; Bun counts silence in either direction.
        idleTimeout: Math.min(255, Math.ceil((config.HTTP_READ_TIMEOUT + config.HTTP_WRITE_TIMEOUT) / 1_000) + 5),
        hostname: config.HTTP_HOST,
        port: config.HTTP_PORT,
        reusePort: deps.sharesPort,
        fetch: (request, server) => answer(request, server, server.requestIP(request)?.address ?? ""),
      },
      deps.tls ?? null,
    ),
  );

  return {
    port: outer.port,
    publish: outer.publish,
    async stop(ms) {
      // No new ones, and idle connections end. Its promise does not always wait for answers that are still being sent.
      void outer.stop(false);
      const until = performance.now() + ms;
      while (outer.pending() > 0 && performance.now() < until) await Bun.sleep(10);
      await Promise.all([outer.stop(true), inner?.stop(true)]);
    },
  };
}

/** The operator's routing is wrong: this node has not that role. */
function notHere(role: string, { requestId }: RequestFacts): Response {
  return problemResponse(
    new AppError("not_found", `This node has not the role "${role}". Ask another one.`),
    requestId,
  );
}

/**
 * A request whose URL is whole: HTTP/1.0 needs no Host (load balancers ask like that). Null when the Host is not one, or there are
 * two: the runtime takes the first one, a proxy before us may have taken the other.
 */
function withHost(request: Request): Request | null {
  const host = request.headers.get("host");
  if (host?.includes(",")) return null;
  if (URL.canParse(request.url)) return request;
  if (host !== null) return null;
  const url = `http://localhost${request.url}`;
  return URL.canParse(url) ? new Request(url, request) : null;
}

function isProbe(pathname: string): boolean {
  return pathname === "/health" || pathname === "/ready";
}

function isApi(pathname: string): boolean {
  return /^\/(api|v1|health|ready|proto|\.well-known)(\/|$)/.test(pathname);
}

/** Asked from this machine itself, and not through a proxy on it. */
function isThisMachine(request: Request, peer: string | null): boolean {
  const { headers } = request;
  if (["forwarded", "x-forwarded-for", "x-real-ip", "via"].some((name) => headers.has(name))) return false;
  return peer === "::1" || /^(::ffff:)?127\./.test(peer ?? "");
}

async function metricsAnswer(metrics: Metrics): Promise<Response> {
  return new Response(await metrics.text(), {
    headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
  });
}

/** Turns what the operating system says about a port into a sentence that says what to do. */
export function listening<T>(config: { HTTP_HOST: string; HTTP_PORT: number }, listen: () => T): T {
  try {
    return listen();
  } catch (error) {
    const where = `${config.HTTP_HOST}:${config.HTTP_PORT}`;
    if (isSystemError(error, "EADDRINUSE")) {
      throw new StartError(
        `Port ${config.HTTP_PORT} is taken. Stop the other program, or choose another port: HTTP_PORT=3103 npm start.`,
      );
    }
    if (isSystemError(error, "EACCES"))
      throw new StartError(`This user may not listen on ${where}. Choose a port over 1023.`);
    if (isSystemError(error, "EADDRNOTAVAIL"))
      throw new StartError(`This machine has no address ${config.HTTP_HOST}. Correct HTTP_HOST.`);
    throw error;
  }
}
