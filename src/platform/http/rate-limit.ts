import type { MiddlewareHandler } from "hono";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "../errors.ts";
import type { ApiEnv, ApiVariables } from "./api.ts";
import { problemResponse } from "./problem.ts";

/** `points` requests in `seconds`. `points` may change. */
export interface RateLimit {
  points: number;
  seconds: number;
}

/** Wide enough for many people behind one address; what is dear (signing in, mails) has limits of its own. */
export const ADDRESS_LIMIT: RateLimit = { points: 6_000, seconds: 60 };
export const CALLER_LIMIT: RateLimit = { points: 1_200, seconds: 60 };
/** Of one service token: a back end speaks for many people. */
export const SERVICE_LIMIT: RateLimit = { points: 5_000, seconds: 1 };

/**
 * Counts requests under a key and answers 429 beyond the limit. Tells where one stands in `RateLimit` and
 * `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
 *
 * @param name of the policy in those headers
 * @param keyOf what is counted; null is not limited here
 * @param count where it is counted, when other doors count there too
 */
export function rateLimit(
  name: string,
  limit: RateLimit,
  keyOf: (variables: ApiVariables) => string | null,
  count: Counter = createCounter(limit),
): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = keyOf(c.var);
    if (key === null) return next();
    const { allowed, left, wait } = await count(key);
    if (allowed) await next();
    else c.res = problemResponse(tooMany(wait), c.get("requestId"));
    c.res.headers.append("ratelimit-policy", `"${name}";q=${limit.points};w=${limit.seconds}`);
    c.res.headers.append("ratelimit", `"${name}";r=${left};t=${wait}`);
  };
}

/** Where a key stands: `wait` is in seconds, until its window ends. */
interface Standing {
  allowed: boolean;
  left: number;
  wait: number;
}

/** Counts one more under this key. */
export type Counter = (key: string) => Promise<Standing>;

/** Counts under keys, in memory: one entry per key, gone with its window. */
export function createCounter(limit: RateLimit): Counter {
  const limiter = new RateLimiterMemory({ points: limit.points, duration: limit.seconds });
  const standing = (allowed: boolean, { remainingPoints, msBeforeNext }: RateLimiterRes): Standing => ({
    allowed,
    left: Math.max(0, remainingPoints),
    wait: Math.max(1, Math.ceil(msBeforeNext / 1_000)),
  });
  return async (key) => {
    if (limiter.points !== limit.points) limiter.points = limit.points;
    try {
      return standing(true, await limiter.consume(key));
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return standing(false, refused);
      throw refused;
    }
  };
}

/** The refusal of what comes too often. @param wait seconds */
export function tooMany(wait: number): AppError {
  return new AppError("rate_limited", `Too many requests. Try again in ${wait} s.`, { retry_after: wait });
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
