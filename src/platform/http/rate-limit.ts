import type { MiddlewareHandler } from "hono";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "../errors.ts";
import type { ApiEnv, ApiVariables } from "./api.ts";
import { problemResponse } from "./problem.ts";

/** `points` requests in `seconds`. */
export interface RateLimit {
  points: number;
  seconds: number;
}

/** Wide enough for many people behind one address; what is dear (signing in, mails) has limits of its own. */
export const ADDRESS_LIMIT: RateLimit = { points: 6_000, seconds: 60 };
export const CALLER_LIMIT: RateLimit = { points: 1_200, seconds: 60 };

/**
 * Counts requests under a key and answers 429 beyond the limit. Tells where one stands in `RateLimit` and
 * `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). Memory: one entry per key, gone with its window.
 *
 * @param name of the policy in those headers
 * @param keyOf what is counted; null is not limited here
 */
export function rateLimit(
  name: string,
  limit: RateLimit,
  keyOf: (variables: ApiVariables) => string | null,
): MiddlewareHandler<ApiEnv> {
  const limiter = new RateLimiterMemory({ points: limit.points, duration: limit.seconds });
  const policy = `"${name}";q=${limit.points};w=${limit.seconds}`;
  return async (c, next) => {
    const key = keyOf(c.var);
    if (key === null) return next();
    const { allowed, state } = await count(limiter, key);
    const wait = Math.max(1, Math.ceil(state.msBeforeNext / 1_000));
    if (allowed) await next();
    else {
      const error = new AppError("rate_limited", `Too many requests. Try again in ${wait} s.`, { retry_after: wait });
      c.res = problemResponse(error, c.get("requestId"));
    }
    c.res.headers.append("ratelimit-policy", policy);
    c.res.headers.append("ratelimit", `"${name}";r=${Math.max(0, state.remainingPoints)};t=${wait}`);
  };
}

async function count(limiter: RateLimiterMemory, key: string): Promise<{ allowed: boolean; state: RateLimiterRes }> {
  try {
    return { allowed: true, state: await limiter.consume(key) };
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return { allowed: false, state: refused };
    throw refused;
  }
}

/** Whose requests count together: an IPv4 address, or the /64 that one IPv6 site has. */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === "" ? 0 : tail.split(":").length;
  const full = address.includes("::") ? [...groups, ...Array<string>(8 - groups.length - behind).fill("0")] : groups;
  return `${full
    .concat(tail === "" ? [] : tail.split(":"))
    .slice(0, 4)
    .join(":")}::/64`;
}
