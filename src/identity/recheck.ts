import type { IdentityContext } from "./identity-context.ts";
import { findActiveSessions } from "./store/sessions.ts";
import { findUsersBySubject } from "./store/users.ts";

/** Maximum sessions or people in one query. */
const MAX_IDS_PER_QUERY = 1_000;

/**
 * Clears the cache, and checks all sessions and people with open connections here against the database: ended ones are closed,
 * and changed names and roles are applied. Rejects when the database does not respond.
 */
export async function recheckConnections({ sql, sessionCache, realtime, now }: IdentityContext): Promise<void> {
  sessionCache.invalidateAll();
  const callers = realtime.callers();
  const sessions = new Set(callers.map(({ sessionId }) => sessionId).filter((id) => id !== null));
  for (const ids of chunkIds(sessions)) {
    const rows = await findActiveSessions(sql, ids);
    const active = new Set(rows.filter(({ expires_at }) => expires_at.getTime() > now()).map((row) => row.session_id));
    sessionCache.endSessions(
      ids.filter((id) => !active.has(id)),
      "signed_out",
    );
  }
  const listSessionIds = (id: string) =>
    realtime.callers().flatMap(({ userId, sessionId }) => (userId === id && sessionId !== null ? [sessionId] : []));
  for (const ids of chunkIds(new Set(callers.map(({ userId }) => userId)))) {
    const users = new Map((await findUsersBySubject(sql, ids)).map((row) => [row.id, row]));
    for (const id of ids) {
      const user = users.get(id);
      if (user === undefined) sessionCache.endUser(id, listSessionIds(id), "signed_out");
      else if (user.banned) sessionCache.endUser(id, listSessionIds(id), "banned");
      else realtime.updateUser(id, user);
    }
  }
}

function* chunkIds(all: ReadonlySet<string>): Generator<string[]> {
  const ids = [...all];
  for (let from = 0; from < ids.length; from += MAX_IDS_PER_QUERY) yield ids.slice(from, from + MAX_IDS_PER_QUERY);
}
