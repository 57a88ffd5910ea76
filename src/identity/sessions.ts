import type { Me } from "../../protocol/objects.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import { tellSessionsEnded } from "./changes.ts";
import type { Origin, Parts } from "./parts.ts";
import { hashOf, newNonce, newSecret, successorOf } from "./secret.ts";
import { whyShutOut } from "./store/bans.ts";
import type { Db } from "./store/db.ts";
import type { Issuer } from "./store/issued-sessions.ts";
import { insertRefreshToken, isUnused, lastUse, lockSessionOf, markUsed } from "./store/refresh-tokens.ts";
import * as store from "./store/sessions.ts";
import { type UserRow, userById } from "./store/users.ts";
import type { IssuedToken } from "./tokens.ts";

/** One person's sign-ins at once; the least recently used goes when there is one more. */
const SESSIONS_MAX = 50;

/**
 * How long a used refresh token still answers its successor, as long as that one is unused: the answer may have been lost
 * on the way, or two tabs may have asked together. Later, or once the successor was used, it is taken for stolen.
 */
const REFRESH_GRACE = 30_000;

/**
 * How long a used refresh token is known as used, in ms, so that its reuse ends the session: a stolen token is noticed
 * although the device that it was stolen from was off over a weekend. Later a used token is only refused.
 */
export const REUSE_WINDOW = 3 * 24 * 3_600_000;

/** What a new session gives: `cookie` for browsers, the refresh token for everybody else. Both are shown only once. */
export interface StartedSession {
  id: string;
  cookie: string;
  refresh_token: string;
}

export interface Credentials {
  access_token: string;
  /** Seconds. */
  expires_in: number;
  /** Null when the session's cookie was shown: it needs none. */
  refresh_token: string | null;
}

export type SignedIn = Credentials & { user: Me; cookie: string };

/** Makes a session inside the caller's transaction. */
export async function startSession(
  { ids, config }: Parts,
  tx: Tx,
  userId: string,
  origin: Origin,
  deviceName: string | null,
  issuer: Issuer | null = null,
): Promise<StartedSession> {
  const id = ids.next();
  const cookie = newSecret();
  const refresh_token = newSecret();
  const session = {
    id,
    user_id: userId,
    cookie_hash: hashOf(cookie),
    device_name: deviceName,
    ip: origin.address,
    user_agent: origin.userAgent?.slice(0, 500) ?? null,
    issuer,
  };
  await store.insertSession(tx.sql, session, config.SESSION_TTL);
  await insertRefreshToken(tx.sql, hashOf(refresh_token), id);
  // A browser has one cookie: nobody could sign out of the session that it named before.
  if (origin.cookie) tellSessionsEnded(tx, await store.deleteSessionOfCookie(tx.sql, hashOf(origin.cookie)));
  tellSessionsEnded(tx, await store.trimSessions(tx.sql, userId, SESSIONS_MAX));
  return { id, cookie, refresh_token };
}

/** What a sign-in answers, once its transaction has committed. */
export async function signedIn(parts: Parts, user: UserRow, session: StartedSession): Promise<SignedIn> {
  const { token, expires_in } = await parts.tokens.access(user, session.id);
  const { refresh_token, cookie } = session;
  return { user: me(user), access_token: token, expires_in, refresh_token, cookie };
}

/** What a person sees of himself. */
export function me(user: UserRow): Me {
  const { id, username, name, email, phone, role, created_at } = user;
  return { id, username, name, email, phone, role, created_at: created_at.toISOString() };
}

/**
 * Exchanges a refresh token for a new pair; every token works once (RFC 9700 §4.14.2). One that was used within three days ends its
 * session, whoever brings it: either he or the one who used it has stolen it. Throws `refresh_invalid`, `banned`.
 */
export async function refresh(parts: Parts, token: string): Promise<Credentials> {
  const outcome = await parts.transaction({ actor: "refresh" }, async (tx) => {
    const outcome = await rotate(tx.sql, token, parts.config.SESSION_TTL);
    if (typeof outcome === "object" && "reused" in outcome) tellSessionsEnded(tx, [outcome.reused]);
    return outcome;
  });
  if (outcome === "unknown") throw new AppError("refresh_invalid");
  if (outcome === "banned") throw new AppError("banned");
  if ("reused" in outcome) {
    parts.logger.warn({ session_id: outcome.reused }, "a refresh token was used twice: its session has been ended");
    throw new AppError("refresh_invalid", "This refresh token was used before. Its session has ended: sign in again.");
  }
  const access = await parts.tokens.access(outcome.user, outcome.sessionId);
  return { access_token: access.token, expires_in: access.expires_in, refresh_token: outcome.next };
}

type Rotation = "unknown" | "banned" | { reused: string } | { user: UserRow; sessionId: string; next: string };

async function rotate(tx: Db, token: string, ttl: number): Promise<Rotation> {
  const hash = hashOf(token);
  const session = await lockSessionOf(tx, hash);
  const user = session && (await userById(tx, session.user_id));
  if (!session || !user) return "unknown";
  if ((await whyShutOut(tx, user.id)) !== null) return "banned";
  const sessionId = session.id;
  const use = await lastUse(tx, hash);
  if (use) {
    const next = successorOf(token, use.nonce);
    const again = use.ago < REFRESH_GRACE && (await isUnused(tx, hashOf(next)));
    if (again) return { user, sessionId, next };
    await store.deleteSession(tx, sessionId, user.id);
    return { reused: sessionId };
  }
  const nonce = newNonce();
  const next = successorOf(token, nonce);
  await markUsed(tx, hash, nonce);
  await insertRefreshToken(tx, hashOf(next), sessionId);
  await store.touchSessions(tx, [sessionId], ttl);
  return { user, sessionId, next };
}

/** An access token for a session whose cookie was shown. */
export async function accessFor({ tokens }: Parts, caller: UserCaller): Promise<Credentials> {
  const session = ownSession(caller);
  const user = { id: caller.userId, username: caller.username, role: caller.role };
  const { token, expires_in } = await tokens.access(user, session);
  return { access_token: token, expires_in, refresh_token: null };
}

/**
 * A token for `/ws?token=` and EventSource: good for a minute, and only to open. What it opens ends when the credential does that
 * it was asked for with: an access token does not become a session by it.
 */
export async function connectionToken({ tokens }: Parts, caller: UserCaller): Promise<IssuedToken> {
  return tokens.connection(caller);
}

/** The caller's sign-ins, the last used first. */
export async function listSessions({ sql }: Parts, caller: UserCaller) {
  const rows = await store.listSessions(sql, caller.userId);
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    last_seen_at: row.last_seen_at.toISOString(),
    current: row.id === caller.sessionId,
  }));
}

/** Ends the caller's own session and closes its sockets. A foreign token has none: its issuer ends it. */
export async function logout(parts: Parts, caller: UserCaller): Promise<void> {
  if (caller.sessionId !== null) await endSession(parts, caller, caller.sessionId);
}

/** Ends one of the caller's sessions and closes its sockets. Throws `not_found` when it is not his or has ended. */
export async function endSession({ transaction }: Parts, caller: UserCaller, id: string): Promise<void> {
  const ended = await transaction({ actor: caller.userId }, async (tx) => {
    const ended = await store.deleteSession(tx.sql, id, caller.userId);
    if (ended) tellSessionsEnded(tx, [id]);
    return ended;
  });
  if (!ended && id !== caller.sessionId) throw new AppError("not_found");
}

/** Ends all of the caller's sessions but this one. */
export async function endOtherSessions({ transaction }: Parts, caller: UserCaller): Promise<void> {
  await transaction({ actor: caller.userId }, async (tx) =>
    tellSessionsEnded(tx, await store.deleteSessions(tx.sql, caller.userId, caller.sessionId)),
  );
}

function ownSession({ sessionId }: UserCaller): string {
  if (sessionId === null) throw new AppError("forbidden", "This person was signed in by another issuer's token.");
  return sessionId;
}
