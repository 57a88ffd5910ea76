import { decodeProtectedHeader, errors } from "jose";
import { z } from "zod";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { toAppError } from "../platform/postgres/database-errors.ts";
import { readSessionCookie } from "./cookie.ts";
import type { VerifyForeign } from "./foreign-tokens.ts";
import { isTrusted } from "./foreign-trust.ts";
import type { IdentityContext } from "./identity-context.ts";
import { provisionUser } from "./provision-user.ts";
import type { ActiveSessionRow } from "./store/sessions.ts";
import type { SubjectRow } from "./store/users.ts";
import type { OwnToken } from "./tokens.ts";

/** A longer token is refused unread. */
const TOKEN_MAX = 8_192;

const Header = z.object({ alg: z.string(), kid: z.string().max(200).optional() });

/**
 * Authenticates the holder of a token: one of ours, or one of a foreign issuer. The key's id and the algorithm decide which key is
 * tried, never the token's claims. An error says what is wrong with one of ours: its holder can read the token anyway.
 */
export async function authenticateToken(
  context: IdentityContext,
  foreign: VerifyForeign,
  token: string,
  use: "api" | "connect",
): Promise<UserCaller> {
  let isOwn = true;
  try {
    const { alg, kid } = parseTokenHeader(token);
    const own = alg === "EdDSA" && kid !== undefined ? await context.tokens.verify(token, kid) : null;
    if (own) return await resolveOwnToken(context, own, use);
    isOwn = false;
    const other = await foreign(token, alg);
    if (other) return toUserCaller(await provisionUser(context, other), other);
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new AppError("unauthenticated", "This token has expired.");
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) {
      const reason = describeTokenError(error);
      context.tokenRejections.log(reason);
      throw new AppError("unauthenticated", isOwn ? `This token is not valid: ${reason}` : "This token is not valid.");
    }
    throw toAppError(error);
  }
  throw new AppError("unauthenticated", "This server has no key for this token.");
}

/** What is wrong with a token, for the operator of its issuer. It contains nothing of the token itself. */
function describeTokenError(error: errors.JOSEError | z.ZodError): string {
  if (error instanceof errors.JOSEError) return error.message;
  const [first] = error.issues;
  return first === undefined ? "its claims are not valid" : `${first.path.join(".") || "it"} ${first.message}`;
}

/** Authenticates a `Cookie` header; null when our cookie is not in it. */
export async function authenticateCookie(
  { sessionCache, now, publicUrl }: IdentityContext,
  header: string | null | undefined,
): Promise<UserCaller | null> {
  const secret = readSessionCookie(header, publicUrl.startsWith("https:"));
  if (secret === null) return null;
  return toSessionCaller(await sessionCache.sessionByCookie(secret), null, now());
}

function parseTokenHeader(token: string): z.infer<typeof Header> {
  if (token.length > TOKEN_MAX) throw new AppError("unauthenticated", "This token is too long.");
  try {
    return Header.parse(decodeProtectedHeader(token));
  } catch {
    throw new AppError("unauthenticated", "This is not a token (a JWT is expected).");
  }
}

async function resolveOwnToken(
  { sessionCache, now, config }: IdentityContext,
  token: OwnToken,
  use: "api" | "connect",
): Promise<UserCaller> {
  if (token.use === "connect" && use === "api") {
    throw new AppError("unauthenticated", "A connection token opens sockets and streams only.");
  }
  if (token.sessionId === null) {
    if (!isTrusted(config, token.trust))
      throw new AppError("unauthenticated", "The issuer's key was changed. Sign in again.");
    const user = await sessionCache.user(token.userId);
    if (!user) throw new AppError("unauthenticated");
    return toUserCaller(user, token);
  }
  const row = await sessionCache.session(token.sessionId);
  if (row && row.user_id !== token.userId) throw new AppError("unauthenticated");
  return toSessionCaller(row, token.expiresAt, now());
}

function toSessionCaller(row: ActiveSessionRow | undefined, expiresAt: number | null, now: number): UserCaller {
  if (!row || row.expires_at.getTime() <= now) {
    throw new AppError("unauthenticated", "This session has ended. Sign in again.");
  }
  if (row.banned) throw new AppError("banned");
  return {
    kind: "user",
    userId: row.user_id,
    username: row.username,
    role: row.role,
    sessionId: row.session_id,
    expiresAt:
      row.ends_at === null ? expiresAt : Math.min(expiresAt ?? Number.POSITIVE_INFINITY, row.ends_at.getTime()),
  };
}

function toUserCaller(row: SubjectRow, { expiresAt, trust }: Pick<UserCaller, "expiresAt" | "trust">): UserCaller {
  if (row.banned) throw new AppError("banned");
  return { kind: "user", userId: row.id, username: row.username, role: row.role, sessionId: null, expiresAt, trust };
}
