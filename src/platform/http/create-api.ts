import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import type { Logger } from "pino";
import type { Code } from "../../../protocol/codes.ts";
import type { Config } from "../../config/options.ts";
import { addressKey } from "../address.ts";
import { AppError } from "../errors.ts";
import type { IdempotencyKeys } from "../idempotency-keys.ts";
import { toAppError } from "../postgres/database-errors.ts";
import type { Api, ApiEnv, Receive } from "./api.ts";
import {
  type Authenticate,
  type AuthenticateCookie,
  acceptCachedService,
  authentication,
  type FindCachedService,
} from "./authentication.ts";
import { notFound } from "./not-found.ts";
import { refuseNul } from "./nul.ts";
import { createOriginCheck, sameOrigin } from "./origin-check.ts";
import { errorFromStatus, problemResponse } from "./problem.ts";
import { ADDRESS_LIMIT, CALLER_LIMIT, rateLimit, SERVICE_LIMIT } from "./rate-limit-middleware.ts";
import type { RateLimit, RateLimiter } from "./rate-limiter.ts";
import { createReceive } from "./receive.ts";
import { validationError } from "./validation-error.ts";

export interface ApiDeps {
  config: Pick<Config, "ALLOWED_ORIGINS" | "PUBLIC_URL" | "HTTP_READ_TIMEOUT">;
  logger: Logger;
  authenticate: Authenticate;
  authenticateCookie: AuthenticateCookie;
  findCachedService?: FindCachedService;
  idempotency: IdempotencyKeys;
  /** Called with every error that is sent, for the metrics. */
  onError?: (code: Code) => void;
  /**
   * Other general limits than ADDRESS_LIMIT, CALLER_LIMIT and SERVICE_LIMIT; `addresses` and `services` count for the first and
   * the last, where other transports count there too.
   */
  limits?: { address?: RateLimit; caller?: RateLimit; service?: RateLimit };
  addressLimiter?: RateLimiter;
  serviceLimiter?: RateLimiter;
}

/**
 * The API without routes: the modules add theirs with `api.openapi(route({…}), handler)`.
 * Every failure leaves it as a problem document; what a route has in common with all others happens here, in this order.
 */
export function createApi(deps: ApiDeps): Api {
  const { config } = deps;
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw validationError(result.target, result.error.issues);
      refuseNul(result.target, result.data);
    },
  });
  api.onError((error, c) => respondWithProblem(error, c, deps));
  api.notFound((c) => notFound(api, c));

  api.use(setRequestInfo(createReceive({ readTimeout: config.HTTP_READ_TIMEOUT, idempotency: deps.idempotency })));
  api.use(crossOrigin(config));
  api.use(acceptCachedService(deps.findCachedService ?? (() => null)));
  api.use(
    rateLimit(
      "address",
      deps.limits?.address ?? ADDRESS_LIMIT,
      ({ address, caller }) => (caller.kind === "service" ? null : addressKey(address)),
      deps.addressLimiter,
    ),
  );
  api.use(authentication(deps));
  api.use(
    rateLimit("caller", deps.limits?.caller ?? CALLER_LIMIT, ({ caller }) =>
      caller.kind === "user" ? caller.userId : null,
    ),
  );
  api.use(
    rateLimit(
      "service",
      deps.limits?.service ?? SERVICE_LIMIT,
      ({ caller }) => (caller.kind === "service" ? caller.tokenId : null),
      deps.serviceLimiter,
    ),
  );
  api.use(sameOrigin(createOriginCheck(config)));
  return api;
}

/** Stores what the server found out about the request; a test that calls `api.request` has no server. */
function setRequestInfo(receive: Receive): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    c.set("address", c.env?.address ?? "127.0.0.1");
    c.set("requestId", c.env?.requestId ?? crypto.randomUUID());
    c.set("secure", c.env?.secure ?? false);
    c.set("host", c.env?.host ?? new URL(c.req.url).host);
    c.set("isLocal", c.env?.isLocal ?? false);
    c.set("receive", receive);
    c.set("bodyText", "");
    await next();
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  };
}

/** CORS for the origins of ALLOWED_ORIGINS; pages of no other origin may read our responses. */
function crossOrigin(config: Pick<Config, "ALLOWED_ORIGINS">): MiddlewareHandler<ApiEnv> {
  const allowed = cors({
    origin: (origin) => origin,
    credentials: true,
    maxAge: 600,
    allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    // Any header that is asked for: libraries of a page add headers of theirs (tracing, caching), and its origin is trusted as our own is.
    exposeHeaders: [
      "etag",
      "idempotent-replayed",
      "link",
      "location",
      "ratelimit",
      "ratelimit-policy",
      "retry-after",
      "x-request-id",
    ],
  });
  return (c, next) => (config.ALLOWED_ORIGINS.includes(c.req.header("origin") ?? "") ? allowed(c, next) : next());
}

function respondWithProblem(thrown: Error, c: Context<ApiEnv>, { logger, onError }: ApiDeps): Response {
  const requestId = c.get("requestId");
  const error = thrown instanceof HTTPException ? errorFromStatus(thrown.status) : toAppError(thrown);
  const appError = error instanceof AppError ? error : new AppError("internal");
  if (appError.status >= 500) {
    logger.error({ err: thrown, request_id: requestId, method: c.req.method, path: c.req.path }, "request failed");
  }
  onError?.(appError.code);
  return problemResponse(appError, requestId);
}
