import type { MiddlewareHandler } from "hono";
import { ANONYMOUS, type Caller, type ServiceCaller, type UserCaller } from "../caller.ts";
import { AppError } from "../errors.ts";
import type { ApiEnv } from "./api.ts";
import { withPage } from "./origin-check.ts";

/** Who this token belongs to: a person, or a service. Throws AppError (`unauthenticated`, `banned`) when it is not valid. */
export type Authenticate = (token: string) => Promise<UserCaller | ServiceCaller>;

/** Who the session cookie in this Cookie header belongs to; null when there is none or it has ended. Provided by identity. */
export type AuthenticateCookie = (cookieHeader: string) => Promise<UserCaller | null>;

/** The service that this token is known to belong to, without a query; null: ask `Authenticate`. */
export type FindCachedService = (token: string) => ServiceCaller | null;

/**
 * Accepts a service whose token was valid a moment ago, so that the limits of its address do not count for it: it has one of
 * its own. Any other token is checked after them.
 */
export function acceptCachedService(findCached: FindCachedService): MiddlewareHandler<ApiEnv> {
  return (c, next) => {
    c.set("caller", ANONYMOUS);
    const token = BEARER.exec(c.req.header("authorization")?.trim() ?? "")?.[1];
    const caller: Caller | null = token === undefined ? null : findCached(token);
    if (caller !== null) c.set("caller", caller);
    return next();
  };
}

/**
 * Finds out who calls: a bearer token first, else the session cookie. What is wrong with the credentials is stored for the
 * routes that need a person, so that a user with an old cookie or token can still sign in.
 */
export function authentication(ports: {
  authenticate: Authenticate;
  authenticateCookie: AuthenticateCookie;
}): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    c.set("refusal", null);
    if (c.get("caller").kind === "service") return next();
    try {
      const authorization = c.req.header("authorization");
      const cookie = c.req.header("cookie");
      if (authorization !== undefined) c.set("caller", await ports.authenticate(requireBearer(authorization)));
      else if (cookie !== undefined) {
        const person = await ports.authenticateCookie(cookie);
        c.set("caller", person === null ? ANONYMOUS : withPage(person, c.req.header("origin"), c.get("host")));
      }
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      c.set("refusal", error);
    }
    return next();
  };
}

/** `Authorization: Bearer <token>` (RFC 6750). */
const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

function requireBearer(authorization: string): string {
  const [, token] = BEARER.exec(authorization.trim()) ?? [];
  if (token === undefined) throw new AppError("unauthenticated", "Send the token as: Authorization: Bearer <token>.");
  return token;
}
