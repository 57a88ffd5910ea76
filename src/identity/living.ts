import type { CloseReason } from "../../protocol/codes.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Realtime } from "../realtime/index.ts";
import type { LastSeen } from "./last-seen.ts";
import { Lookup } from "./lookup.ts";
import { hashOf } from "./secret.ts";
import { type LivingRow, livingByCookie, livingById } from "./store/sessions.ts";
import { type ForeignRow, usersBySubject } from "./store/users.ts";

/** Longer than any door takes from asking who somebody is to telling the hub. */
const REMEMBER_ENDED = 60_000;

/**
 * Which sessions live and which people may come in, without a query for each request; and the one place where that ends on this
 * node. What ends is told in its transaction (changes.ts); when that is seen, `end…` forgets, remembers the end, and closes the
 * sockets in the same tick.
 */
export class Living {
  readonly #sessions: Lookup<LivingRow>;
  readonly #cookies: Lookup<LivingRow>;
  readonly #people: Lookup<ForeignRow>;
  readonly #realtime: Pick<Realtime, "closeSession" | "closeUser">;
  readonly #elapsed: () => number;
  /** Session or user id → when it ended, oldest first. */
  readonly #ended = new Map<string, number>();

  constructor(
    sql: Sql,
    lastSeen: Pick<LastSeen, "inUse">,
    realtime: Pick<Realtime, "closeSession" | "closeUser">,
    elapsed: () => number,
  ) {
    const found = (rows: LivingRow[], key: "session_id" | "cookie_hash") => {
      lastSeen.inUse(rows);
      return new Map(rows.map((row) => [row[key], row]));
    };
    // Who may not come in is asked about each time: the ban may be lifted on another node, and this one hears of it later.
    const options = { now: elapsed, keeps: ({ banned }: { banned: boolean }) => !banned };
    this.#sessions = new Lookup(async (ids) => found(await livingById(sql, ids), "session_id"), options);
    this.#cookies = new Lookup(async (hashes) => found(await livingByCookie(sql, hashes), "cookie_hash"), options);
    this.#people = new Lookup((ids) => this.#readPeople(sql, ids), options);
    this.#realtime = realtime;
    this.#elapsed = elapsed;
  }

  session(id: string): Promise<LivingRow | undefined> {
    return this.#sessions.get(id);
  }

  sessionOfCookie(secret: string): Promise<LivingRow | undefined> {
    return this.#cookies.get(hashOf(secret));
  }

  person(subject: string): Promise<ForeignRow | undefined> {
    return this.#people.get(subject);
  }

  /** False when the session ended, or the right of a person without one, within the last minute. */
  isCurrent({ sessionId, userId }: UserCaller): boolean {
    return !this.#ended.has(sessionId ?? userId);
  }

  endSessions(ids: readonly string[], reason: CloseReason): void {
    if (ids.length === 0) return;
    const gone = new Set(ids);
    for (const lookup of [this.#sessions, this.#cookies]) lookup.forget(({ session_id }) => gone.has(session_id));
    for (const id of ids) this.#rememberEnd(id);
    for (const id of ids) this.#realtime.closeSession(id, reason);
  }

  /**
   * Everything of a person ends: these sessions, and what came by a foreign token. Any other session began after it, when the
   * database let the person in again, although this node hears of the end only now.
   */
  endPerson(userId: string, sessions: readonly string[], reason: CloseReason): void {
    this.changed(userId);
    for (const id of [...sessions, userId]) this.#rememberEnd(id);
    const ended = new Set(sessions);
    this.#realtime.closeUser(userId, reason, ({ sessionId }) => sessionId === null || ended.has(sessionId));
  }

  /** The person's name or role is another now. What has ended stays so. */
  changed(userId: string): void {
    for (const lookup of [this.#sessions, this.#cookies]) lookup.forget(({ user_id }) => user_id === userId);
    this.#people.forget(({ id }) => id === userId);
  }

  /** The person's ban was lifted: he may come in again, though not by a session that ended with it. */
  readmit(userId: string): void {
    this.changed(userId);
    this.#ended.delete(userId);
  }

  /** Reads everything anew. What has ended stays so. */
  forgetAll(): void {
    for (const lookup of [this.#sessions, this.#cookies]) lookup.forget(() => true);
    this.#people.forget(() => true);
  }

  /** Whom a query finds not banned that began after the end was seen here, the database has let in again. */
  async #readPeople(sql: Sql, ids: readonly string[]): Promise<Map<string, ForeignRow>> {
    const ends = new Map(ids.map((id) => [id, this.#ended.get(id)]));
    const rows = await usersBySubject(sql, ids);
    for (const { id, banned } of rows) if (!banned && this.#ended.get(id) === ends.get(id)) this.#ended.delete(id);
    return new Map(rows.map((row) => [row.id, row]));
  }

  #rememberEnd(id: string): void {
    this.#ended.delete(id);
    this.#ended.set(id, this.#elapsed());
    for (const [old, at] of this.#ended) {
      if (this.#elapsed() - at < REMEMBER_ENDED) break;
      this.#ended.delete(old);
    }
  }
}
