import type { MiddlewareHandler } from "hono";
import type { UserCaller } from "../caller.ts";
import { AppError } from "../errors.ts";
import type { ApiEnv } from "./api.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses writes that another site makes in the name of a visitor (CSRF). A bearer token is proof enough; a cookie is not:
 * then Origin (or, in its absence, Sec-Fetch-Site) must say that our own pages or an allowed origin sent the request. A cookie
 * that comes beside a token from elsewhere proves nothing, so that no route after this sees it.
 */
export function sameOrigin(isOwn: (origin: string, host: string) => boolean): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (SAFE_METHODS.has(c.req.method)) return next();
    const origin = c.req.header("origin");
    const site = c.req.header("sec-fetch-site");
    const isFromElsewhere =
      origin !== undefined
        ? !isOwn(origin, c.get("host"))
        : site !== undefined && site !== "same-origin" && site !== "none";
    if (c.req.header("authorization") !== undefined) {
      if (isFromElsewhere) c.req.raw.headers.delete("cookie");
    } else if (isFromElsewhere) {
      throw wrongOriginError();
    } else if (origin === undefined && site === undefined && c.req.header("cookie") !== undefined) {
      throw new AppError("wrong_origin", "A write with a cookie must say where it comes from: send an Origin header.");
    }
    return next();
  };
}

/** Another site's page, or one of our own under a name that the configuration does not have: the operator can add it. */
export function wrongOriginError(): AppError {
  return new AppError(
    "wrong_origin",
    "This request comes from another site. The operator of this server can add its origin to ALLOWED_ORIGINS, or correct PUBLIC_URL.",
  );
}

/**
 * Which origins are ours: those of ALLOWED_ORIGINS and that of PUBLIC_URL; where it is not set, the one under which the request
 * reached us. The scheme of that is not compared: a proxy may have ended TLS, and no other site's page can forge a Host.
 */
export function createOriginCheck(config: { PUBLIC_URL: string | null; ALLOWED_ORIGINS: readonly string[] }) {
  const read = () =>
    new Set(
      [...config.ALLOWED_ORIGINS, ...(config.PUBLIC_URL === null ? [] : [config.PUBLIC_URL])].map(normalizeOrigin),
    );
  let allowed = config.ALLOWED_ORIGINS;
  let known = read();
  return (origin: string, host: string): boolean => {
    if (allowed !== config.ALLOWED_ORIGINS) {
      allowed = config.ALLOWED_ORIGINS;
      known = read();
    }
    if (!/^https?:/i.test(origin) || !URL.canParse(origin)) return false; // "null": a sandboxed frame or a redirect across sites
    return (
      known.has(normalizeOrigin(origin)) || (config.PUBLIC_URL === null && new URL(origin).host === normalizeHost(host))
    );
  };
}

/**
 * The caller whose session's cookie came from this page: one of another site is noted. The caller's connection ends when the
 * operator takes that site back from ALLOWED_ORIGINS.
 *
 * @param host that the page asked for
 */
export function withPage(caller: UserCaller, origin: string | null | undefined, host: string): UserCaller {
  if (!origin || (URL.canParse(origin) && new URL(origin).host === normalizeHost(host))) return caller;
  return { ...caller, page: origin };
}

function normalizeOrigin(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).origin : origin;
}

/** A Host header without the port that its scheme implies, as URL writes it. */
function normalizeHost(host: string): string {
  return host.toLowerCase().replace(/:(80|443)$/, "");
}
