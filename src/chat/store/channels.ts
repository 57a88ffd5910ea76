import type { Channel, ChannelType, Role } from "../../../protocol/objects.ts";
import type { ISql } from "../../platform/postgres/sql.ts";
import { nameKey, searchKey } from "../../platform/search-key.ts";
import type { KeysetRows, KeysetWindow } from "../keyset-page.ts";
import { containsPattern, keysetQuery, matchesUser, splitRows } from "./keyset-query.ts";

/** A channel as the policy sees it: with the caller's role, null when they are not a member. */
export interface ChannelAccess {
  id: string;
  type: ChannelType;
  name: string | null;
  topic: string | null;
  member_count: number;
  role: Role | null;
}

/** The access of each of these users to the channel given with them; null when there is no such channel. */
export async function findAccess(
  sql: ISql,
  queries: readonly { userId: string; channelId: string }[],
): Promise<(ChannelAccess | null)[]> {
  const found: (ChannelAccess | null)[] = queries.map(() => null);
  const rows = await sql<(ChannelAccess & { n: number })[]>`
    SELECT a.n::int, c.id, c.type, c.name, c.topic, c.member_count, m.role
    FROM unnest(${queries.map((a) => a.userId)}::text[], ${queries.map((a) => a.channelId)}::bigint[])
      WITH ORDINALITY AS a (user_id, channel_id, n)
    JOIN channels c ON c.id = a.channel_id AND c.deleted_at IS NULL
    LEFT JOIN members m ON m.channel_id = c.id AND m.user_id = a.user_id`;
  for (const { n, ...access } of rows) found[n - 1] = access;
  return found;
}

export type ChannelName = Pick<ChannelAccess, "id" | "name" | "type">;

/** Names of these channels; with a viewer only of the public ones and of those that the viewer is in. */
export async function listChannelNames(
  sql: ISql,
  ids: readonly string[],
  viewer: string | null,
): Promise<ChannelName[]> {
  if (ids.length === 0) return [];
  return sql<ChannelName[]>`
    SELECT c.id, c.type, c.name FROM channels c
    LEFT JOIN members m ON m.channel_id = c.id AND m.user_id = ${viewer}
    WHERE c.id = ANY (${[...ids]}::bigint[]) AND c.deleted_at IS NULL
      AND (${viewer}::text IS NULL OR c.type = 'public' OR m.user_id IS NOT NULL)`;
}

export async function lockChannelRow(sql: ISql, channelId: string): Promise<void> {
  await sql`SELECT 1 FROM channels WHERE id = ${channelId} FOR NO KEY UPDATE`;
}

export interface NewChannelRow {
  id: string;
  type: ChannelType;
  name: string | null;
  topic: string | null;
  dmKey: string | null;
  memberCount: number;
  createdBy: string;
}

/**
 * Creates the channel and its room, with one id. False when this pair has its direct chat already.
 * Violates channels_public_name or channels_public_name_key when the name is taken.
 */
export async function insertChannel(sql: ISql, channel: NewChannelRow): Promise<boolean> {
  const made = await sql`
    INSERT INTO channels (id, type, name, name_key, search_key, topic, dm_key, member_count, created_by)
    VALUES (${channel.id}, ${channel.type}, ${channel.name}, ${toNameKeys(channel.name).name},
      ${toNameKeys(channel.name).search}, ${channel.topic}, ${channel.dmKey}, ${channel.memberCount}, ${channel.createdBy})
    ON CONFLICT (dm_key) DO NOTHING`;
  if (made.count === 0) return false;
  await sql`INSERT INTO rooms (id, name) VALUES (${channel.id}, ${`channel:${channel.id}`})`;
  return true;
}

/** The direct chat of a pair; null when there is none. */
export async function findDirect(sql: ISql, dmKey: string): Promise<string | null> {
  const [row] = await sql<{ id: string }[]>`SELECT id FROM channels WHERE dm_key = ${dmKey}`;
  return row?.id ?? null;
}

export async function updateChannel(sql: ISql, id: string, name: string | null, topic: string | null): Promise<void> {
  const keys = toNameKeys(name);
  await sql`
    UPDATE channels SET name = ${name}, name_key = ${keys.name}, search_key = ${keys.search}, topic = ${topic}
    WHERE id = ${id}`;
}

function toNameKeys(name: string | null): { name: string | null; search: string | null } {
  return name === null ? { name: null, search: null } : { name: nameKey(name), search: searchKey(name) };
}

/** Marks it deleted. */
export async function deleteChannel(sql: ISql, id: string): Promise<void> {
  await sql`UPDATE channels SET deleted_at = clock_timestamp() WHERE id = ${id}`;
}

/** A channel as these users see it, each with their own role, mark and count. A public one is also visible to non-members. */
export async function viewChannel(sql: ISql, id: string, userIds: readonly string[]): Promise<Map<string, Channel>> {
  const rows = await sql<(ChannelRow & { viewer: string })[]>`
    SELECT v.id AS viewer, ${viewColumns(sql)}
    FROM unnest(${userIds}::text[]) AS v (id) CROSS JOIN channels c ${viewJoins(sql)}
    WHERE c.id = ${id} AND c.deleted_at IS NULL`;
  return new Map(rows.map((row) => [row.viewer, toChannel(row)]));
}

export interface ChannelFilter {
  scope: "joined" | "public";
  type?: ChannelType | undefined;
  /** Part of the name, in any case; of the other person's name for a direct chat. */
  q?: string | undefined;
}

/**
 * One page of a person's channels, or of the public ones, by id; and the head of `user:<id>`, read in the same statement:
 * a client that continues from there misses nothing and gets nothing twice.
 */
export async function listChannels(
  sql: ISql,
  userId: string,
  filter: ChannelFilter,
  window: KeysetWindow,
): Promise<KeysetRows<Channel> & { userSeq: number }> {
  // A name without a key yet is compared as closely as SQL can.
  const matchesName = (q: string) => sql`coalesce(c.search_key, lower(c.name)) LIKE ${containsPattern(q)}
    OR ${matchesUser(sql, sql`p`, q)}`;
  const page = keysetQuery(
    sql,
    window,
    (side, condition, end) => sql`
      SELECT ${side}, ${viewColumns(sql)}
      FROM (VALUES (${userId})) AS v (id) CROSS JOIN channels c ${viewJoins(sql)}
      WHERE c.deleted_at IS NULL AND c.id ${condition}
        AND ${filter.scope === "joined" ? sql`m.user_id = ${userId}` : sql`c.type = 'public'`}
        ${filter.type === undefined ? sql`` : sql`AND c.type = ${filter.type}`}
        ${filter.q === undefined ? sql`` : sql`AND (${matchesName(filter.q)})`}
      ORDER BY c.id ${end}`,
  );
  const rows = await sql<(ChannelRow & { side: string | null; user_seq: string })[]>`
    SELECT h.user_seq, l.*
    FROM (SELECT coalesce((SELECT head FROM rooms WHERE name = ${`user:${userId}`}), 0) AS user_seq) h
    LEFT JOIN LATERAL (${page}) l ON true
    ORDER BY l.id`;
  return { ...splitRows(rows, toChannel), userSeq: Number(rows[0]?.user_seq ?? 0) };
}

interface ChannelRow {
  id: string;
  type: ChannelType;
  name: string | null;
  topic: string | null;
  member_count: number;
  created_at: Date;
  last_seq: string;
  role: Role | null;
  read_id: string | null;
  read_seq: string | null;
  unread: number;
  peer_id: string | null;
  peer_username: string | null;
  peer_name: string | null;
}

/** Columns of a channel `c` as the person `v` sees it. */
function viewColumns(sql: ISql) {
  return sql`c.id, c.type, c.name, c.topic, c.member_count, c.created_at, r.head AS last_seq, m.role, m.read_id,
    (SELECT g.seq FROM messages g WHERE g.id = m.read_id) AS read_seq,
    CASE WHEN m.user_id IS NULL THEN 0 ELSE unread_count(c.id, m.user_id, m.read_id) END AS unread,
    p.id AS peer_id, p.username AS peer_username, p.name AS peer_name`;
}

function viewJoins(sql: ISql) {
  return sql`JOIN rooms r ON r.id = c.id
    LEFT JOIN members m ON m.channel_id = c.id AND m.user_id = v.id
    LEFT JOIN LATERAL (
      SELECT o.user_id FROM members o WHERE c.type = 'direct' AND o.channel_id = c.id AND o.user_id <> v.id
    ) o ON true
    LEFT JOIN users p ON p.id = o.user_id`;
}

function toChannel(row: ChannelRow): Channel {
  const { peer_id, peer_username } = row;
  return {
    id: row.id,
    type: row.type,
    name: row.name,
    topic: row.topic,
    member_count: row.member_count,
    peer: peer_id && peer_username ? { id: peer_id, username: peer_username, name: row.peer_name } : null,
    last_seq: Number(row.last_seq),
    role: row.role,
    unread: row.unread,
    last_read_id: row.read_id === null || row.read_id === "0" ? null : row.read_id,
    last_read_seq: Number(row.read_seq ?? 0),
    created_at: row.created_at.toISOString(),
  };
}
