import type { Parts } from "./parts.ts";
import { livingById } from "./store/sessions.ts";
import { usersBySubject } from "./store/users.ts";

/** Sessions or people in one query. */
const MOST = 1_000;

/**
 * Forgets what is remembered, and asks the database about all sessions and people that have connections open here: what has
 * ended is closed, and who has another name or role is known by it. Rejects when the database does not answer.
 */
export async function recheck({ sql, living, realtime, now }: Parts): Promise<void> {
  living.forgetAll();
  const callers = realtime.callers();
  const sessions = new Set(callers.map(({ sessionId }) => sessionId).filter((id) => id !== null));
  for (const ids of parts(sessions)) {
    const rows = await livingById(sql, ids);
    const alive = new Set(rows.filter(({ expires_at }) => expires_at.getTime() > now()).map((row) => row.session_id));
    living.endSessions(
      ids.filter((id) => !alive.has(id)),
      "signed_out",
    );
  }
  const sessionsOf = (id: string) =>
    realtime.callers().flatMap(({ userId, sessionId }) => (userId === id && sessionId !== null ? [sessionId] : []));
  for (const ids of parts(new Set(callers.map(({ userId }) => userId)))) {
    const people = new Map((await usersBySubject(sql, ids)).map((row) => [row.id, row]));
    for (const id of ids) {
      const person = people.get(id);
      if (person === undefined) living.endPerson(id, sessionsOf(id), "signed_out");
      else if (person.banned) living.endPerson(id, sessionsOf(id), "banned");
      else realtime.updateUser(id, person);
    }
  }
}

function* parts(all: ReadonlySet<string>): Generator<string[]> {
  const ids = [...all];
  for (let from = 0; from < ids.length; from += MOST) yield ids.slice(from, from + MOST);
}
