import { openDatabase } from "../../src/platform/postgres/pool.ts";
import type { Evidence, Seen, StoredMessage } from "./checker.ts";

/** The log and the messages as the database has them. */
export async function readDatabase(url: string): Promise<Pick<Evidence, "log" | "heads" | "messages">> {
  const { sql, close } = openDatabase(url);
  try {
    const rooms = await sql<{ name: string; head: number }[]>`SELECT name, head::float8 FROM rooms`;
    const rows = await sql<(Seen & { room: string })[]>`
      SELECT r.name AS room, l.seq::float8, l.type,
        coalesce(l.payload::json->>'message_id', l.payload::json->>'user_id', l.payload::json->'user'->>'id', '') AS subject
      FROM log l JOIN rooms r ON r.id = l.room_id ORDER BY r.id, l.seq`;
    const messages = await sql<StoredMessage[]>`
      SELECT id::text, channel_id::text AS "channelId", author_id AS "userId", client_id AS "clientId",
        CASE WHEN deleted_at IS NULL THEN content ELSE '' END AS content FROM messages`;
    const log = new Map<string, Seen[]>();
    for (const { room, seq, type, subject } of rows) {
      const list = log.get(room) ?? [];
      list.push({ seq, type, subject });
      log.set(room, list);
    }
    return { log, heads: new Map(rooms.map(({ name, head }) => [name, head])), messages: [...messages] };
  } finally {
    await close();
  }
}
