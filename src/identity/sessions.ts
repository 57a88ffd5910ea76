import type { Me } from "../../protocol/objects.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { ISql } from "../platform/postgres/sql.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import { emitSessionsEnded } from "./access-changes.ts";
import type { ClientInfo, IdentityContext } from "./identity-context.ts";
import { deriveSuccessor, hashSecret, newNonce, newSecret } from "./secret.ts";
import { findBanReason } from "./store/bans.ts";
import type { Issuer } from "./store/issued-sessions.ts";
import { findLastUse, insertRefreshToken, isUnused, lockSessionByToken, markUsed } from "./store/refresh-tokens.ts";
import * as store from "./store/sessions.ts";
import { findUser, type UserRow } from "./store/users.ts";
import type { IssuedToken } from "./tokens.ts";

/** Maximum sessions of one person; the least recently used ends when there is one more. */
const MAX_SESSIONS = 50;

/**
 * How long a used refresh token still returns its successor, as long as that one is unused: the response may have been lost
 * on the way, or two tabs may have refreshed together. Later, or once the successor was used, it is considered stolen.
 */
const REFRESH_GRACE_MS = 30_000;

/**
 * How long a used refresh token is remembered as used, in ms, so that its reuse ends the session: a stolen token is noticed
 * although the device that it was stolen from was off over a weekend. Later a used token is only refused.
 */
export const REUSE_WINDOW_MS = 3 * 24 * 3_600_000;

/** The secrets of a new session: `cookie` for browsers, the refresh token for other clients. Both are returned only once. */
export interface StartedSession {
  id: string;
  cookie: string;
  refresh_token: string;
}

export interface Credentials {
  access_token: string;
  /** Seconds. */
  expires_in: number;
  /** Null when the session's cookie was sent: it needs none. */
  refresh_token: string | null;
}

export type SignedIn = Credentials & { user: Me; cookie: string };

/** Creates a session inside the caller's transaction. */
export async function startSession(
  { ids, config }: IdentityContext,
  tx: Tx,
  userId: string,
  client: ClientInfo,
  deviceName: string | null,
  issuer: Issuer | null = null,
): Promise<StartedSession> {
  const id = ids.next();
  const cookie = newSecret();
  const refresh_token = newSecret();
  const session = {
    id,
    user_id: userId,
    cookie_hash: hashSecret(cookie),
    device_name: deviceName,
    ip: client.address,
    user_agent: client.userAgent?.slice(0, 500) ?? null,
    issuer,
  };
  await store.insertSession(tx.sql, session, config.SESSION_TTL);
  await insertRefreshToken(tx.sql, hashSecret(refresh_token), id);
  // A browser has one cookie: the user could not sign out of the session that it named before.
  if (client.cookie) emitSessionsEnded(tx, await store.deleteSessionByCookie(tx.sql, hashSecret(client.cookie)));
  emitSessionsEnded(tx, await store.trimSessions(tx.sql, userId, MAX_SESSIONS));
  return { id, cookie, refresh_token };
}

/** What a sign-in returns, once its transaction has committed. */
export async function toSignedIn(context: IdentityContext, user: UserRow, session: StartedSession): Promise<SignedIn> {
  const { token, expires_in } = await context.tokens.issueAccess(user, session.id);
  const { refresh_token, cookie } = session;
  return { user: toMe(user), access_token: token, expires_in, refresh_token, cookie };
}

/** A user's own profile. */
export function toMe(user: UserRow): Me {
  const { id, username, name, email, phone, role, created_at } = user;
  return { id, username, name, email, phone, role, created_at: created_at.toISOString() };
}

/**
 * Exchanges a refresh token for a new pair; every token works once (RFC 9700 §4.14.2). One that was used within three days ends its
 * session, whichever user sent it: one of the two users of it has stolen it. Throws `refresh_invalid`, `banned`.
 */
export async function refresh(context: IdentityContext, token: string): Promise<Credentials> {
  const outcome = await context.transaction({ actor: "refresh" }, async (tx) => {
    const outcome = await rotateToken(tx.sql, token, context.config.SESSION_TTL);
    if (typeof outcome === "object" && "reused" in outcome) emitSessionsEnded(tx, [outcome.reused]);
    return outcome;
  });
  if (outcome === "unknown") throw new AppError("refresh_invalid");
  if (outcome === "banned") throw new AppError("banned");
  if ("reused" in outcome) {
    context.logger.warn({ session_id: outcome.reused }, "a refresh token was used twice: its session has been ended");
    throw new AppError("refresh_invalid", "This refresh token was used before. Its session has ended: sign in again.");
  }
  const access = await context.tokens.issueAccess(outcome.user, outcome.sessionId);
  return { access_token: access.token, expires_in: access.expires_in, refresh_token: outcome.next };
}

type Rotation = "unknown" | "banned" | { reused: string } | { user: UserRow; sessionId: string; next: string };

async function rotateToken(tx: ISql, token: string, ttl: number): Promise<Rotation> {
  const hash = hashSecret(token);
  const session = await lockSessionByToken(tx, hash);
  const user = session && (await findUser(tx, session.user_id));
  if (!session || !user) return "unknown";
  if ((await findBanReason(tx, user.id)) !== null) return "banned";
  const sessionId = session.id;
  const use = await findLastUse(tx, hash);
  if (use) {
    const next = deriveSuccessor(token, use.nonce);
    const again = use.ago < REFRESH_GRACE_MS && (await isUnused(tx, hashSecret(next)));
    if (again) return { user, sessionId, next };
    await store.deleteSession(tx, sessionId, user.id);
    return { reused: sessionId };
  }
  const nonce = newNonce();
  const next = deriveSuccessor(token, nonce);
  await markUsed(tx, hash, nonce);
  await insertRefreshToken(tx, hashSecret(next), sessionId);
  await store.touchSessions(tx, [sessionId], ttl);
  return { user, sessionId, next };
}

/** An access token for a session whose cookie was sent. */
export async function issueAccessToken({ tokens }: IdentityContext, caller: UserCaller): Promise<Credentials> {
  const session = requireSession(caller);
  const user = { id: caller.userId, username: caller.username, role: caller.role };
  const { token, expires_in } = await tokens.issueAccess(user, session);
  return { access_token: token, expires_in, refresh_token: null };
}

/**
 * A token for `/ws?token=` and EventSource: valid for a minute, and only to connect. Its connections end with the credential that it
 * was requested with: an access token does not become a session by it.
 */
export async function issueConnectionToken({ tokens }: IdentityContext, caller: UserCaller): Promise<IssuedToken> {
  return tokens.issueConnection(caller);
}

/** The caller's sign-ins, the last used first. */
export async function listSessions({ sql }: IdentityContext, caller: UserCaller) {
  const rows = await store.listSessions(sql, caller.userId);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
    current: row.id === caller.sessionId,
  }));
}

/** Ends the caller's own session and closes its sockets. A foreign token has none: its issuer ends it. */
export async function logout(context: IdentityContext, caller: UserCaller): Promise<void> {
  if (caller.sessionId !== null) await endSession(context, caller, caller.sessionId);
}

/** Ends one of the caller's sessions and closes its sockets. Throws `not_found` when it is not theirs or has ended. */
export async function endSession({ transaction }: IdentityContext, caller: UserCaller, id: string): Promise<void> {
  const ended = await transaction({ actor: caller.userId }, async (tx) => {
    const ended = await store.deleteSession(tx.sql, id, caller.userId);
    if (ended) emitSessionsEnded(tx, [id]);
    return ended;
  });
  if (!ended && id !== caller.sessionId) throw new AppError("not_found");
}

/** Ends all of the caller's sessions but this one. */
export async function endOtherSessions({ transaction }: IdentityContext, caller: UserCaller): Promise<void> {
  await transaction({ actor: caller.userId }, async (tx) =>
    emitSessionsEnded(tx, await store.deleteSessions(tx.sql, caller.userId, caller.sessionId)),
  );
}

function requireSession({ sessionId }: UserCaller): string {
  if (sessionId === null) throw new AppError("forbidden", "This person was signed in by another issuer's token.");
  return sessionId;
}
