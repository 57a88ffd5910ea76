import type { Sql } from "../../platform/postgres/sql.ts";
import { EMPTY_VERSION, type PresenceKey, type PresenceStore, type RoomPresence } from "./presence-store.ts";

/** Presence in PostgreSQL: in unlogged tables, which a crash of the server empties. */
export function createPostgresPresence(sql: Sql): PresenceStore {
  const node = crypto.randomUUID();
  let writes = 0;
  const stamp = () => `${node} ${++writes}`;
  return {
    kind: "postgres",
    async write(changes, ttl) {
      const rooms = changes.map(({ room }) => room);
      const users = changes.map(({ userId }) => userId);
      const names = changes.map(({ username }) => username);
      const [row] = await sql<{ known: boolean }[]>`
        SELECT presence_write(${node}, ${ttl}, ${stamp()}, ${rooms}::text[], ${users}::text[], ${names}::text[]) AS known`;
      return row!.known;
    },
    async readOwn() {
      const rows = await sql<PresenceKey[]>`SELECT room, user_id AS "userId" FROM presence WHERE node = ${node}`;
      return rows.map((row) => ({ ...row }));
    },
    async sweep() {
      const [row] = await sql<{ more: boolean }[]>`SELECT presence_sweep(${stamp()}) AS more`;
      return row!.more;
    },
    async read(known, max) {
      const rows = await sql<{ room: string; version: string; people: number }[]>`
        SELECT room, version, people FROM presence_rooms WHERE room = ANY (${[...known.keys()]}::text[])`;
      const stored = new Map(rows.map((row) => [row.room, row]));
      const found = new Map<string, RoomPresence>();
      for (const [room, version] of known) {
        const row = stored.get(room);
        const now = row?.version ?? EMPTY_VERSION;
        if (now !== version) found.set(room, { version: now, count: row?.people ?? 0, members: null });
      }
      const listed = [...found].filter(([, { count }]) => count <= max).map(([room]) => room);
      const lists = listed.length === 0 ? new Map() : await readLists(sql, listed);
      for (const room of listed) {
        // Read after the version: when the list is newer, the version will differ the next time.
        const members: Map<string, string> = lists.get(room) ?? new Map();
        found.set(room, { ...found.get(room)!, count: members.size, members });
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
