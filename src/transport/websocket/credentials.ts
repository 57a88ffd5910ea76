import { ANONYMOUS, type Caller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { parseBearer } from "../../platform/http/bearer.ts";
import { withPage, wrongOriginError } from "../../platform/http/origin-check.ts";
import type { Authenticate } from "../../realtime/transport.ts";

/** The caller of a handshake, and the subprotocol that must be returned when the token came in it. */
export interface Credentials {
  caller: Caller;
  protocol: string | null;
}

export interface CredentialRules {
  authenticate: Authenticate;
  allowAnonymous: boolean;
  /** Whether pages of this origin may use the session cookie. */
  isAllowedOrigin: (origin: string, host: string) => boolean;
}

const BEARER_PROTOCOL = "bearer.";

/**
 * The token of `?token=`, `Authorization: Bearer`, or the subprotocol `bearer.<token>`, else the session cookie, else none
 * (SPEC CN-1 to CN-4). Throws AppError `unauthenticated`, `banned`, `wrong_origin`.
 *
 * @param host the one the client named, corrected for trusted proxies
 */
export async function readCredentials(request: Request, host: string, rules: CredentialRules): Promise<Credentials> {
  const { token, protocol } = findToken(request);
  if (token !== null) return { caller: await rules.authenticate.token(token), protocol };
  const caller = await readCookie(request, host, rules);
  if (caller.kind === "anonymous" && !rules.allowAnonymous) throw new AppError("unauthenticated");
  return { caller, protocol: null };
}

function findToken(request: Request): { token: string | null; protocol: string | null } {
  const [, query = ""] = request.url.split("?", 2);
  const inQuery = query.includes("token=") ? new URLSearchParams(query).get("token") : null;
  if (inQuery !== null) return { token: inQuery, protocol: null };
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    const token = parseBearer(authorization);
    if (token === null) throw new AppError("unauthenticated", "Send the token as: Authorization: Bearer <token>.");
    return { token, protocol: null };
  }
  const protocols = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  const protocol = protocols.find((name) => name.startsWith(BEARER_PROTOCOL)) ?? null;
  return { token: protocol?.slice(BEARER_PROTOCOL.length) ?? null, protocol };
}

/** A browser sends cookies to us from any page: only our own pages' count. A program sends no Origin, and its cookie is its own. */
async function readCookie(
  request: Request,
  host: string,
  { authenticate, isAllowedOrigin }: CredentialRules,
): Promise<Caller> {
  const cookie = request.headers.get("cookie");
  if (cookie === null) return ANONYMOUS;
  const caller = await authenticate.cookie(cookie);
  if (caller === null) return ANONYMOUS;
  const origin = request.headers.get("origin");
  if (origin !== null && !isAllowedOrigin(origin, host)) throw wrongOriginError();
  return withPage(caller, origin, host);
}
