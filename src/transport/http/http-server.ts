import type { Config } from "../../config/options.ts";
import { isSystemError, StartError } from "../../config/start-error.ts";
import { AppError } from "../../platform/errors.ts";
import { problemResponse } from "../../platform/http/problem.ts";
import type { Tls } from "../../platform/tls.ts";
import { type Listener, listen } from "./http-listener.ts";
import { createRouter, type RouterDeps } from "./router.ts";

export interface HttpServerDeps<Data> extends Omit<RouterDeps<Data>, "config" | "usesTls"> {
  config: Pick<Config, "HTTP_HOST" | "HTTP_PORT" | "HTTP_READ_TIMEOUT" | "HTTP_WRITE_TIMEOUT" | "TRUSTED_PROXIES">;
  /** Other processes of this machine listen on the same port. */
  sharesPort: boolean;
  /** The certificate to show; left out: plain HTTP. */
  tls?: Tls | null;
  /** A unix socket on which the page process calls us in the name of its visitors; it may say who they are. */
  innerSocket?: string;
}

export interface HttpServer {
  port: number;
  /** For the hub: to all sockets of a topic. */
  publish: Listener["publish"];
  /** No new connections; requests that run may end, within `ms`; then everything left is cut. */
  stop(ms: number): Promise<void>;
}

/** Largest Content-Length that Bun lets reach us at all. What is over our own limit, but under this, gets a proper response. */
const MAX_REQUEST_BYTES = 16 * 1_048_576;

/**
 * Longer than the balancers in use keep an idle connection: AWS and nginx 60 s, Traefik 90 s, Caddy 120 s. A server that closes while
 * the balancer sends a POST makes it fail, for a POST is not sent twice.
 */
export const KEEP_ALIVE_SECONDS = 130;
/** Bun's own limit. */
const MAX_IDLE_SECONDS = 255;

/** After so many seconds of silence in either direction a connection ends: later than by our own limits, which respond instead of cutting. */
function getIdleSeconds({ HTTP_READ_TIMEOUT, HTTP_WRITE_TIMEOUT }: HttpServerDeps<unknown>["config"]): number {
  const responding = Math.ceil((HTTP_READ_TIMEOUT + HTTP_WRITE_TIMEOUT) / 1_000) + 5;
  return Math.min(MAX_IDLE_SECONDS, Math.max(KEEP_ALIVE_SECONDS, responding));
}

/** One server for everything: `/ws`, the API, `/metrics` for this machine, and the pages. */
export function createHttpServer<Data>(deps: HttpServerDeps<Data>): HttpServer {
  const { config, websocket, logger } = deps;
  const handleRequest = createRouter({ ...deps, usesTls: deps.tls != null });
  const shared = {
    maxRequestBodySize: MAX_REQUEST_BYTES,
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
          fetch: (request, server) => handleRequest(request, server, null),
        });
  const outer = withListenErrors(config, () =>
    listen<Data>(
      {
        ...shared,
        idleTimeout: getIdleSeconds(config),
        hostname: config.HTTP_HOST,
        port: config.HTTP_PORT,
        reusePort: deps.sharesPort,
        fetch: (request, server) => handleRequest(request, server, server.requestIP(request)?.address ?? ""),
      },
      deps.tls ?? null,
    ),
  );

  return {
    port: outer.port,
    publish: outer.publish,
    async stop(ms) {
      // No new ones, and idle connections end. Its promise does not always wait for responses that are still being sent.
      void outer.stop(false);
      const until = performance.now() + ms;
      while (outer.pending() > 0 && performance.now() < until) await Bun.sleep(10);
      await Promise.all([outer.stop(true), inner?.stop(true)]);
    },
  };
}

/** Turns the operating system's error about a port into a message that says what to do. */
export function withListenErrors<T>(config: { HTTP_HOST: string; HTTP_PORT: number }, listen: () => T): T {
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
