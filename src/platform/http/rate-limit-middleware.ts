import type { MiddlewareHandler } from "hono";
import type { ApiEnv, ApiVariables } from "./api.ts";
import { problemResponse } from "./problem.ts";
import { createRateLimiter, type RateLimit, type RateLimiter, rateLimitedError } from "./rate-limiter.ts";

/** Wide enough for many people who share an address; what is expensive (signing in, mails) has limits of its own. */
export const ADDRESS_LIMIT: RateLimit = { points: 6_000, seconds: 60 };
export const CALLER_LIMIT: RateLimit = { points: 1_200, seconds: 60 };
/** Of one service token: a back end speaks for many people. */
export const SERVICE_LIMIT: RateLimit = { points: 5_000, seconds: 1 };

/**
 * Counts requests under a key and responds 429 beyond the limit. Says what is left in `RateLimit` and
 * `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
 *
 * @param name of the policy in those headers
 * @param getKey what is counted; null is not limited here
 * @param limiter where it is counted, when other transports count there too
 */
export function rateLimit(
  name: string,
  limit: RateLimit,
  getKey: (variables: ApiVariables) => string | null,
  limiter: RateLimiter = createRateLimiter(limit),
): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = getKey(c.var);
    if (key === null) return next();
    const { allowed, remaining, retryAfter } = limiter(key);
    if (allowed) await next();
    else c.res = problemResponse(rateLimitedError(retryAfter), c.get("requestId"));
    c.res.headers.append("ratelimit-policy", `"${name}";q=${limit.points};w=${limit.seconds}`);
    c.res.headers.append("ratelimit", `"${name}";r=${remaining};t=${retryAfter}`);
  };
}
