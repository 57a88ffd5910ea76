import type { MiddlewareHandler } from "hono";
import { ANONYMOUS, type UserCaller } from "../caller.ts";
import { AppError } from "../errors.ts";
import type { ApiEnv } from "./api.ts";

/** Who this token belongs to. Throws AppError (`unauthenticated`, `banned`) when it is not good. Asked of identity. */
export type Authenticate = (token: string) => Promise<UserCaller>;

/** Who the session cookie in this Cookie header belongs to; null when there is none or it has ended. Asked of identity. */
export type AuthenticateCookie = (cookieHeader: string) => Promise<UserCaller | null>;

/**
 * Finds out who asks: a bearer token first, else the session cookie. What is wrong with the credentials is kept for the
 * routes that need a person, so that somebody with an old cookie or token can still sign in.
 */
export function authentication(ports: {
  authenticate: Authenticate;
  authenticateCookie: AuthenticateCookie;
}): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    c.set("caller", ANONYMOUS);
    c.set("refusal", null);
    try {
      const authorization = c.req.header("authorization");
      const cookie = c.req.header("cookie");
      if (authorization !== undefined) c.set("caller", await ports.authenticate(bearer(authorization)));
      else if (cookie !== undefined) c.set("caller", (await ports.authenticateCookie(cookie)) ?? ANONYMOUS);
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      c.set("refusal", error);
    }
    return next();
  };
}

/** The token of `Authorization: Bearer <token>` (RFC 6750). */
function bearer(authorization: string): string {
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization.trim()) ?? [];
  if (token === undefined) throw new AppError("unauthenticated", "Send the token as: Authorization: Bearer <token>.");
  return token;
}
