import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Logger } from "pino";
import { AppError } from "../errors.ts";
import type { Api, ApiEnv } from "./api.ts";
import { type Authenticate, type AuthenticateCookie, authentication } from "./authenticate.ts";
import { invalid } from "./invalid.ts";
import { errorOfStatus, problemResponse } from "./problem.ts";

export interface ApiDeps {
  logger: Logger;
  authenticate: Authenticate;
  authenticateCookie: AuthenticateCookie;
}

/** The API without routes: the modules add theirs. Every failure leaves it as a problem document. */
export function createApi(deps: ApiDeps): Api {
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.target, result.error.issues);
    },
  });
  api.onError((error, c) => answerError(error, c, deps.logger));
  api.use(facts);
  api.use(authentication(deps));
  return api;
}

/** Takes over what the server found out about the request; a test that calls `api.request` has no server. */
const facts: MiddlewareHandler<ApiEnv> = async (c, next) => {
  c.set("address", c.env?.address ?? "127.0.0.1");
  c.set("requestId", c.env?.requestId ?? crypto.randomUUID());
  c.set("secure", c.env?.secure ?? false);
  c.set("receive", async (_, handle) => handle());
  return next();
};

function answerError(error: Error, c: Context<ApiEnv>, logger: Logger): Response {
  const requestId = c.get("requestId");
  const known = error instanceof AppError ? error : error instanceof HTTPException ? errorOfStatus(error.status) : null;
  if (known === null || known.status === 500) {
    logger.error({ err: error, request_id: requestId, method: c.req.method, path: c.req.path }, "request failed");
  }
  return problemResponse(known ?? new AppError("internal"), requestId);
}
