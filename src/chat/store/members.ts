import type { ChannelType, Member, Role } from "../../../protocol/objects.ts";
import type { ISql } from "../../platform/postgres/sql.ts";
import type { KeysetRows, KeysetWindow } from "../keyset-page.ts";
import { keysetQuery, matchesUser, splitRows } from "./keyset-query.ts";

/**
 * Adds people to a channel; messages from before they joined count as read. Returns when they joined.
 * The channel's row is locked by the caller.
 */
export async function insertMembers(
  sql: ISql,
  channelId: string,
  members: readonly { userId: string; role: Role }[],
): Promise<string> {
  const [row] = await sql<{ joined_at: Date }[]>`
    INSERT INTO members (channel_id, user_id, role, joined_at, read_id)
    SELECT ${channelId}, u.id, u.role, date_trunc('milliseconds', statement_timestamp()),
      coalesce((SELECT g.id FROM messages g WHERE g.channel_id = ${channelId} ORDER BY g.seq DESC LIMIT 1), 0)
    FROM unnest(${members.map((p) => p.userId)}::text[], ${members.map((p) => p.role)}::text[]) AS u (id, role)
    RETURNING joined_at`;
  return row!.joined_at.toISOString();
}

/** Changes `member_count`. The channel's row is locked by the caller. */
export async function adjustMemberCount(sql: ISql, channelId: string, change: number): Promise<void> {
  await sql`UPDATE channels SET member_count = member_count + ${change} WHERE id = ${channelId}`;
}

export async function deleteMember(sql: ISql, channelId: string, userId: string): Promise<void> {
  await sql`DELETE FROM members WHERE channel_id = ${channelId} AND user_id = ${userId}`;
}

export async function updateRole(sql: ISql, channelId: string, userId: string, role: Role): Promise<void> {
  await sql`UPDATE members SET role = ${role} WHERE channel_id = ${channelId} AND user_id = ${userId}`;
}

export async function findMember(sql: ISql, channelId: string, userId: string): Promise<Member | null> {
  return (await findMembers(sql, channelId, [userId])).get(userId) ?? null;
}

/** Those of `userIds` who are in it, by their ids. */
export async function findMembers(
  sql: ISql,
  channelId: string,
  userIds: readonly string[],
): Promise<Map<string, Member>> {
  const rows = await sql<MemberRow[]>`
    SELECT ${columns(sql)} FROM members m JOIN users u ON u.id = m.user_id
    WHERE m.channel_id = ${channelId} AND m.user_id = ANY (${userIds}::text[])`;
  return new Map(rows.map((row) => [row.id, toMember(row)]));
}

export async function countOwners(sql: ISql, channelId: string): Promise<number> {
  const [row] = await sql<{ owners: number }[]>`
    SELECT count(*)::int AS owners FROM members WHERE channel_id = ${channelId} AND role = 'owner'`;
  return row!.owners;
}

/** The longest member except this person, admins before members; null when there is none. */
export async function findSuccessor(sql: ISql, channelId: string, userId: string): Promise<Member | null> {
  const [row] = await sql<MemberRow[]>`
    SELECT ${columns(sql)} FROM members m JOIN users u ON u.id = m.user_id
    WHERE m.channel_id = ${channelId} AND m.user_id <> ${userId}
    ORDER BY m.role = 'member', m.joined_at, m.user_id LIMIT 1`;
  return row === undefined ? null : toMember(row);
}

/** Every channel a person is in, deleted ones included. */
export function findMemberships(sql: ISql, userId: string): Promise<Membership[]> {
  return sql<Membership[]>`
    SELECT c.id AS channel_id, c.type, c.name, c.deleted_at IS NOT NULL AS deleted, m.role, m.joined_at, m.read_id
    FROM members m JOIN channels c ON c.id = m.channel_id WHERE m.user_id = ${userId} ORDER BY c.id`;
}

export interface Membership {
  channel_id: string;
  type: ChannelType;
  name: string | null;
  deleted: boolean;
  role: Role;
  joined_at: Date;
  read_id: string;
}

/** Those of `userIds` who are in `max` channels or more. */
export async function findUsersAtChannelLimit(sql: ISql, userIds: readonly string[], max: number): Promise<string[]> {
  const rows = await sql<{ user_id: string }[]>`
    SELECT m.user_id FROM members m JOIN channels c ON c.id = m.channel_id AND c.deleted_at IS NULL
    WHERE m.user_id = ANY (${userIds}::text[]) GROUP BY m.user_id HAVING count(*) >= ${max}`;
  return rows.map((row) => row.user_id);
}

export interface MemberFilter {
  role?: Role | undefined;
  /** Part of the username or name, in any case. */
  q?: string | undefined;
}

/** One page of a channel's members, by user id. */
export async function listMembers(
  sql: ISql,
  channelId: string,
  filter: MemberFilter,
  window: KeysetWindow,
): Promise<KeysetRows<Member>> {
  const page = keysetQuery(
    sql,
    window,
    (side, condition, end) => sql`
      SELECT ${side}, ${columns(sql)} FROM members m JOIN users u ON u.id = m.user_id
      WHERE m.channel_id = ${channelId} AND m.user_id ${condition}
        ${filter.role === undefined ? sql`` : sql`AND m.role = ${filter.role}`}
        ${filter.q === undefined ? sql`` : sql`AND ${matchesUser(sql, sql`u`, filter.q)}`}
      ORDER BY m.user_id ${end}`,
  );
  const rows = await sql<(MemberRow & { side: string })[]>`SELECT * FROM (${page}) l ORDER BY l.id`;
  return splitRows(rows, toMember);
}

interface MemberRow {
  id: string;
  username: string;
  name: string | null;
  role: Role;
  joined_at: Date;
}

function columns(sql: ISql) {
  return sql`u.id, u.username, u.name, m.role, m.joined_at`;
}

function toMember({ id, username, name, role, joined_at }: MemberRow): Member {
  return { user: { id, username, name }, role, joined_at: joined_at.toISOString() };
}
