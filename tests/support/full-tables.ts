import type { Sql } from "../../src/platform/postgres/sql.ts";

/** What `fillTables` has put there. */
export const BIG = { room: "event:big", roomId: "1", channelId: "7", userId: "u1", endpointId: "9" };

/**
 * A database that has been in use: one room of the log, one channel, one endpoint, one actor and so on with `rows` rows each, and
 * as many beside it that are about others.
 */
export async function fillTables(sql: Sql, rows: number): Promise<void> {
  await sql`INSERT INTO users (id, username, username_key) SELECT 'u' || n, 'user ' || n, 'user ' || n FROM generate_series(1, ${rows}::int) n`;
  await sql`INSERT INTO users (id, username, username_key, role) VALUES ('owner', 'owner', 'owner', 'owner')`;
  await sql`
    INSERT INTO rooms (id, name, head) SELECT 1000 + n, 'event:' || n, 1 FROM generate_series(1, ${rows}::int) n
    UNION ALL VALUES (1, ${BIG.room}, ${rows}::bigint), (${BIG.channelId}::bigint, 'channel:7', ${rows})`;
  await sql`
    INSERT INTO log (room_id, seq, at, type, payload, meta)
    SELECT room, n, clock_timestamp(), 'test', json_build_object('n', n)::text, '{"actor":"1"}'
    FROM generate_series(1, ${rows}::int) n, (VALUES (1), (7)) AS r (room)`;
  await sql`INSERT INTO log (room_id, seq, at, type, payload) SELECT 1000 + n, 1, clock_timestamp(), 'test', '{}' FROM generate_series(1, ${rows}::int) n`;
  await sql`
    INSERT INTO channels (id, type, name, member_count, created_by) SELECT n, 'public', 'channel ' || n, 1, 'u1' FROM generate_series(7, 1000) n`;
  await sql`INSERT INTO members (channel_id, user_id, role) SELECT n, 'u1', 'member' FROM generate_series(7, 1000) n`;
  await sql`
    INSERT INTO messages (id, channel_id, seq, author_id, client_id, content, created_at)
    SELECT n, 7, n, 'u' || n % 100, n::text, 'text', now() FROM generate_series(1, ${rows}::int) n`;
  await sql`
    INSERT INTO sessions (id, user_id, cookie_hash, expires_at)
    SELECT 's' || n, 'u' || n, n::text, now() + (n % 2 * 2 - 1) * interval '1 hour' FROM generate_series(1, ${rows}::int) n`;
  await sql`
    INSERT INTO audit (at, actor, action, subject)
    SELECT now() - n * interval '1 minute', CASE WHEN n % 2 = 0 THEN 'u1' ELSE 'u2' END, CASE WHEN n = 5 THEN 'ban:made' ELSE 'role:changed' END, 'user:1'
    FROM generate_series(${rows}::int, 1, -1) n`;
  await sql`INSERT INTO bans (id, user_id, reason, created_by) SELECT n::text, 'u' || n, 'reason', 'owner' FROM generate_series(1, ${rows}::int) n`;
  await sql`INSERT INTO registration_invites (id, code, max_uses, created_by) SELECT n::text, 'c' || n, 1, 'owner' FROM generate_series(1, ${rows}::int) n`;
  await sql`
    INSERT INTO webhook_endpoints (id, url, event_types, rooms, description, ordered, secret, created_by)
    VALUES (${BIG.endpointId}::bigint, 'https://example.org', '{*}', '{*}', '', true, 'whsec_', 'owner')`;
  await sql`
    INSERT INTO webhook_deliveries (endpoint_id, webhook_id, event_type, room, seq, epoch, payload, occurred_at, in_order, status, next_attempt_at, ended_at)
    SELECT ${BIG.endpointId}::bigint, n::text, 'test', ${BIG.room}, n, 'e', '{}', now(), true, status, NULL, CASE WHEN status <> 'pending' THEN now() END
    FROM generate_series(1, ${rows}::int) n, (VALUES ('pending'), ('delivered'), ('failed')) AS s (status)`;
  await sql`
    INSERT INTO presence (room, user_id, node, username) SELECT 'channel:' || n, 'u' || n, 'node', 'user' FROM generate_series(1, ${rows}::int) n`;
  await sql`INSERT INTO presence_rooms (room, people, version) SELECT 'channel:' || n, 1, 'v' FROM generate_series(1, ${rows}::int) n`;
  await sql`INSERT INTO presence_nodes (node, until) VALUES ('node', now() + interval '1 hour')`;
  await sql`SELECT log_tick()`;
}
