import { decodeProtectedHeader, errors } from "jose";
import { z } from "zod";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { toAppError } from "../platform/postgres/database-errors.ts";
import { sessionCookie } from "./cookie.ts";
import { meet } from "./foreign-people.ts";
import type { VerifyForeign } from "./foreign-tokens.ts";
import { isTrusted } from "./foreign-trust.ts";
import type { Parts } from "./parts.ts";
import type { LivingRow } from "./store/sessions.ts";
import type { ForeignRow } from "./store/users.ts";
import type { OwnToken } from "./tokens.ts";

/** A longer token is refused unread. */
const TOKEN_MAX = 8_192;

const Header = z.object({ alg: z.string(), kid: z.string().max(200).optional() });

/**
 * Who carries this token: one of ours, or one of a foreign issuer. The key's name and the algorithm decide which key is
 * tried, never the token's claims. What is wrong with a token is said: its carrier knows it anyway.
 */
export async function byToken(
  parts: Parts,
  foreign: VerifyForeign,
  token: string,
  use: "api" | "connect",
): Promise<UserCaller> {
  let isOwn = true;
  try {
    const { alg, kid } = readHeader(token);
    const own = alg === "EdDSA" && kid !== undefined ? await parts.tokens.verify(token, kid) : null;
    if (own) return await ownCaller(parts, own, use);
    isOwn = false;
    const other = await foreign(token, alg);
    if (other) return personCaller(await meet(parts, other), other);
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new AppError("unauthenticated", "This token has expired.");
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) {
      const reason = reasonOf(error);
      parts.refusals.tell(reason);
      throw new AppError("unauthenticated", isOwn ? `This token is not valid: ${reason}` : "This token is not valid.");
    }
    throw toAppError(error);
  }
  throw new AppError("unauthenticated", "This server has no key for this token.");
}

/** What is wrong with a token, for the operator of its issuer. It contains nothing of the token itself. */
function reasonOf(error: errors.JOSEError | z.ZodError): string {
  if (error instanceof errors.JOSEError) return error.message;
  const [first] = error.issues;
  return first === undefined ? "its claims are not valid" : `${first.path.join(".") || "it"} ${first.message}`;
}

/** Who carries this `Cookie` header; null when our cookie is not in it. */
export async function byCookie(
  { living, now, publicUrl }: Parts,
  header: string | null | undefined,
): Promise<UserCaller | null> {
  const secret = sessionCookie(header, publicUrl.startsWith("https:"));
  if (secret === null) return null;
  const row = await living.sessionOfCookie(secret).catch((error: unknown) => {
    throw toAppError(error);
  });
  return sessionCaller(row, null, now());
}

function readHeader(token: string): z.infer<typeof Header> {
  if (token.length > TOKEN_MAX) throw new AppError("unauthenticated", "This token is too long.");
  try {
    return Header.parse(decodeProtectedHeader(token));
  } catch {
    throw new AppError("unauthenticated", "This is not a token (a JWT is expected).");
  }
}

async function ownCaller({ living, now, config }: Parts, token: OwnToken, use: "api" | "connect"): Promise<UserCaller> {
  if (token.use === "connect" && use === "api") {
    throw new AppError("unauthenticated", "A connection token opens sockets and streams only.");
  }
  if (token.sessionId === null) {
    if (!isTrusted(config, token.trust))
      throw new AppError("unauthenticated", "The issuer's key was changed. Sign in again.");
    const person = await living.person(token.userId);
    if (!person) throw new AppError("unauthenticated");
    return personCaller(person, token);
  }
  const row = await living.session(token.sessionId);
  if (row && row.user_id !== token.userId) throw new AppError("unauthenticated");
  return sessionCaller(row, token.expiresAt, now());
}

function sessionCaller(row: LivingRow | undefined, expiresAt: number | null, now: number): UserCaller {
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

function personCaller(row: ForeignRow, { expiresAt, trust }: Pick<UserCaller, "expiresAt" | "trust">): UserCaller {
  if (row.banned) throw new AppError("banned");
  return { kind: "user", userId: row.id, username: row.username, role: row.role, sessionId: null, expiresAt, trust };
}
