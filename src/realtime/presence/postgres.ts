import type { Sql } from "../../platform/postgres/sql.ts";
import { type Attendance, EMPTY, type Place, type PresenceStore } from "./presence.ts";

/** Presence in PostgreSQL: unlogged tables, which a crash of the server empties. */
export function createPostgresPresence(sql: Sql): PresenceStore {
  const node = crypto.randomUUID();
  let writes = 0;
  const stamp = () => `${node} ${++writes}`;
  return {
    kind: "postgres",
    async write(changes, life) {
      const rooms = changes.map(({ room }) => room);
      const users = changes.map(({ userId }) => userId);
      const names = changes.map(({ username }) => username);
      const [row] = await sql<{ known: boolean }[]>`
        SELECT presence_write(${node}, ${life}, ${stamp()}, ${rooms}::text[], ${users}::text[], ${names}::text[]) AS known`;
      return row!.known;
    },
    async own() {
      const rows = await sql<Place[]>`SELECT room, user_id AS "userId" FROM presence WHERE node = ${node}`;
      return rows.map((row) => ({ ...row }));
    },
    async sweep() {
      const [row] = await sql<{ more: boolean }[]>`SELECT presence_sweep(${stamp()}) AS more`;
      return row!.more;
    },
    async read(known, most) {
      const rows = await sql<{ room: string; version: string; people: number }[]>`
        SELECT room, version, people FROM presence_rooms WHERE room = ANY (${[...known.keys()]}::text[])`;
      const kept = new Map(rows.map((row) => [row.room, row]));
      const found = new Map<string, Attendance>();
      for (const [room, version] of known) {
        const row = kept.get(room);
        const now = row?.version ?? EMPTY;
        if (now !== version) found.set(room, { version: now, count: row?.people ?? 0, people: null });
      }
      const listed = [...found].filter(([, { count }]) => count <= most).map(([room]) => room);
      const lists = listed.length === 0 ? new Map() : await readLists(sql, listed);
      for (const room of listed) {
        // Read after the version: when it is newer than that, the version will differ the next time.
        const people: Map<string, string> = lists.get(room) ?? new Map();
        found.set(room, { ...found.get(room)!, count: people.size, people });
      }
      return found;
    },
  };
}

async function readLists(sql: Sql, rooms: readonly string[]): Promise<Map<string, Map<string, string>>> {
  const rows = await sql<{ room: string; user_id: string; username: string }[]>`
    SELECT room, user_id, max(username) AS username FROM presence
    WHERE room = ANY (${rooms}::text[]) GROUP BY room, user_id ORDER BY room, user_id`;
  const lists = new Map<string, Map<string, string>>();
  for (const { room, user_id, username } of rows) {
    const list = lists.get(room) ?? new Map();
    lists.set(room, list.set(user_id, username));
  }
  return lists;
}
