import type { CloseReason } from "../../protocol/codes.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Realtime } from "../realtime/index.ts";
import type { LastSeen } from "./last-seen.ts";
import { LoadingCache } from "./loading-cache.ts";
import { hashSecret } from "./secret.ts";
import { type ActiveSessionRow, findActiveSessions, findActiveSessionsByCookie } from "./store/sessions.ts";
import { findUsersBySubject, type SubjectRow } from "./store/users.ts";

/** Longer than any transport takes from authenticating a caller to registering it with the hub. */
const ENDED_RETENTION_MS = 60_000;

/**
 * Caches active sessions and users who may connect, without a query for each request; and ends them on this node. Each end is a log
 * entry of its transaction (access-changes.ts); when that is seen, `end…` invalidates, records the end, and closes the sockets in
 * the same tick.
 */
export class SessionCache {
  readonly #sessions: LoadingCache<ActiveSessionRow>;
  readonly #cookies: LoadingCache<ActiveSessionRow>;
  readonly #users: LoadingCache<SubjectRow>;
  readonly #realtime: Pick<Realtime, "closeSession" | "closeUser">;
  readonly #elapsed: () => number;
  /** Session or user id → when it ended, oldest first. */
  readonly #ended = new Map<string, number>();

  constructor(
    sql: Sql,
    lastSeen: Pick<LastSeen, "recordUse">,
    realtime: Pick<Realtime, "closeSession" | "closeUser">,
    elapsed: () => number,
  ) {
    const found = (rows: ActiveSessionRow[], key: "session_id" | "cookie_hash") => {
      lastSeen.recordUse(rows);
      return new Map(rows.map((row) => [row[key], row]));
    };
    // Banned users are checked each time: the ban may be lifted on another node, and this one learns of it later.
    const options = { now: elapsed, isCacheable: ({ banned }: { banned: boolean }) => !banned };
    this.#sessions = new LoadingCache(async (ids) => found(await findActiveSessions(sql, ids), "session_id"), options);
    this.#cookies = new LoadingCache(
      async (hashes) => found(await findActiveSessionsByCookie(sql, hashes), "cookie_hash"),
      options,
    );
    this.#users = new LoadingCache((ids) => this.#readUsers(sql, ids), options);
    this.#realtime = realtime;
    this.#elapsed = elapsed;
  }

  session(id: string): Promise<ActiveSessionRow | undefined> {
    return this.#sessions.get(id);
  }

  sessionByCookie(secret: string): Promise<ActiveSessionRow | undefined> {
    return this.#cookies.get(hashSecret(secret));
  }

  user(subject: string): Promise<SubjectRow | undefined> {
    return this.#users.get(subject);
  }

  /** False when the session, or the access of a person without one, ended within the last minute. */
  isCurrent({ sessionId, userId }: UserCaller): boolean {
    return !this.#ended.has(sessionId ?? userId);
  }

  endSessions(ids: readonly string[], reason: CloseReason): void {
    if (ids.length === 0) return;
    const gone = new Set(ids);
    for (const lookup of [this.#sessions, this.#cookies]) lookup.invalidate(({ session_id }) => gone.has(session_id));
    for (const id of ids) this.#recordEnd(id);
    for (const id of ids) this.#realtime.closeSession(id, reason);
  }

  /**
   * All access of a person ends: these sessions, and connections by a foreign token. Any other session started after it, when the
   * database admitted the person again, although this node learns of the end only now.
   */
  endUser(userId: string, sessions: readonly string[], reason: CloseReason): void {
    this.invalidateUser(userId);
    for (const id of [...sessions, userId]) this.#recordEnd(id);
    const ended = new Set(sessions);
    this.#realtime.closeUser(userId, reason, ({ sessionId }) => sessionId === null || ended.has(sessionId));
  }

  /** The person's name or role has changed. What has ended stays ended. */
  invalidateUser(userId: string): void {
    for (const lookup of [this.#sessions, this.#cookies]) lookup.invalidate(({ user_id }) => user_id === userId);
    this.#users.invalidate(({ id }) => id === userId);
  }

  /** The user's ban was lifted: they may connect again, though not by a session that ended with it. */
  readmitUser(userId: string): void {
    this.invalidateUser(userId);
    this.#ended.delete(userId);
  }

  /** Clears the cache. What has ended stays ended. */
  invalidateAll(): void {
    for (const lookup of [this.#sessions, this.#cookies]) lookup.invalidate(() => true);
    this.#users.invalidate(() => true);
  }

  /** A query that started after the end was seen here and finds the user not banned proves that they are admitted again. */
  async #readUsers(sql: Sql, ids: readonly string[]): Promise<Map<string, SubjectRow>> {
    const ends = new Map(ids.map((id) => [id, this.#ended.get(id)]));
    const rows = await findUsersBySubject(sql, ids);
    for (const { id, banned } of rows) if (!banned && this.#ended.get(id) === ends.get(id)) this.#ended.delete(id);
    return new Map(rows.map((row) => [row.id, row]));
  }

  #recordEnd(id: string): void {
    this.#ended.delete(id);
    this.#ended.set(id, this.#elapsed());
    for (const [old, at] of this.#ended) {
      if (this.#elapsed() - at < ENDED_RETENTION_MS) break;
      this.#ended.delete(old);
    }
  }
}
