import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { splitIpv6 } from "../address.ts";
import { AppError } from "../errors.ts";
import type { ApiEnv, ApiVariables } from "./api.ts";
import { problemResponse } from "./problem.ts";
import { createRateLimiter, type RateLimit, type RateLimiter } from "./rate-limiter.ts";

export { createRateLimiter, type RateLimit, type RateLimiter } from "./rate-limiter.ts";

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

/** The refusal of what comes too often. @param retryAfter seconds */
export function rateLimitedError(retryAfter: number): AppError {
  return new AppError("rate_limited", `Too many requests. Try again in ${retryAfter} s.`, { retry_after: retryAfter });
}

/** Whose requests count together: an IPv4 address, or the /64 that one IPv6 site has. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const site = splitIpv6(address).slice(0, 4);
  return `${site.map((group) => group.toString(16)).join(":")}::/64`;
}
