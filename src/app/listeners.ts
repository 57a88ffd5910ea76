import type { Api } from "../platform/http/api.ts";
import { createOriginCheck } from "../platform/http/origin-check.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { Authenticate, Hub } from "../realtime/transport.ts";
import type { ServerApi } from "../server-api/index.ts";
import { createHttpServer } from "../transport/http/http-server.ts";
import { createMetricsServer } from "../transport/http/metrics-server.ts";
import { createPageProxy } from "../transport/http/page-proxy.ts";
import type { Streams } from "../transport/streams/index.ts";
import { createWebSocketTransport } from "../transport/websocket/websocket.ts";
import type { AddDialects } from "./add-dialects.ts";
import { type AddressLimiters, connectsPerSecond, requestsPerMinute, type ShareLimit } from "./node-limits.ts";
import type { Program } from "./program.ts";
import { hasRole } from "./roles.ts";
import type { NodePages } from "./start-pages.ts";

/** After the connections have gone, running requests may take this long to end. */
const REQUESTS_TIMEOUT_MS = 5_000;
/** How long the start waits for the page process before the port opens; until it is ready a page says that pages are starting. */
const PAGES_TIMEOUT_MS = 10_000;

/** What the listeners serve. */
interface ListenersDeps {
  /** Null: this node has no pages. */
  pages: NodePages | null;
  api: Api;
  metrics: Metrics;
  hub: Hub;
  authenticate: Authenticate;
  dialects: AddDialects;
  streams: Streams;
  share: ShareLimit;
  addresses: AddressLimiters;
  services: ServerApi;
}

/** Everything that listens: metrics, HTTP and WebSocket. Returns the port of the latter. */
export async function startListeners(
  { config, logger, lifecycle, worker, tls, tracing }: Program,
  { pages, api, metrics, hub, authenticate, dialects, streams, share, addresses, services }: ListenersDeps,
): Promise<number> {
  if (config.METRICS_ENABLED) {
    await lifecycle.start(
      "metrics",
      () => createMetricsServer(config, metrics),
      (part) => part.stop(),
    );
  }
  const isOwnOrigin = createOriginCheck(config);
  const sockets = createWebSocketTransport({
    hub,
    authenticate,
    handshakes: requestsPerMinute(config, 1, share("handshakes")),
    connects: connectsPerSecond(config),
    get allowAnonymous() {
      return config.WS_ALLOW_ANONYMOUS;
    },
    isAllowedOrigin: isOwnOrigin,
    maxFrame: config.WS_MAX_MESSAGE_SIZE,
    logger,
  });
  const server = await lifecycle.start(
    "http",
    () =>
      createHttpServer({
        config,
        api,
        isBanned: (address) => authenticate.isBanned?.(address) ?? false,
        websocket: dialects(sockets),
        serves: { api: hasRole(config, "api"), sockets: hasRole(config, "edge") },
        sharesPort: worker !== null,
        isStopping: () => hub.draining || lifecycle.isStopping,
        pages:
          pages &&
          createPageProxy({
            socket: pages.socket,
            readTimeout: config.HTTP_READ_TIMEOUT,
            writeTimeout: config.HTTP_WRITE_TIMEOUT,
            isOwnOrigin,
            logger,
          }),
        addresses,
        metrics,
        tracing,
        canReadMetrics: (token) => canReadMetrics(services, token),
        tls,
        logger,
        innerSocket: pages?.innerSocket,
      }),
    (part) => part.stop(REQUESTS_TIMEOUT_MS),
    REQUESTS_TIMEOUT_MS + 1_000,
  );
  hub.start(server.publish, streams.publish);
  await lifecycle.start(
    "hub",
    () => hub,
    async (part) => {
      await part.stop();
      metrics.stop();
    },
  );
  if (pages !== null && !(await pages.ready(PAGES_TIMEOUT_MS)))
    logger.warn("the pages are not ready yet; the API and the sockets are");
  return server.port;
}

/** A scraper that is not on this machine comes with a service token that has the scope `stats`. */
async function canReadMetrics(services: ServerApi, token: string): Promise<boolean> {
  if (!services.callers.isServiceToken(token)) return false;
  const { scopes } = await services.callers.authenticate(token);
  return scopes.includes("stats");
}
