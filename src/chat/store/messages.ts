import type { Message } from "../../../protocol/objects.ts";
import { withTraceparent } from "../../platform/log/entry.ts";
import type { ISql } from "../../platform/postgres/sql.ts";
import type { Span } from "../../platform/tracing.ts";
import type { KeysetRows, KeysetWindow } from "../keyset-page.ts";
import { type Fragment, splitRows } from "./keyset-query.ts";

/** A post as `post_messages` expects it. `payload`: the entry's JSON text without its end; the function adds `created_at`. */
export interface Post {
  id: string;
  channelId: string;
  authorId: string;
  clientId: string | null;
  content: string;
  replyToId: string | null;
  payload: string;
  /** The trace context; the entry's `meta` carries it to the other nodes. */
  span: Span | null;
}

/**
 * The result of a post. `repeat`: `id` is the message that has its client_id. `refused`: the author is not in such a
 * channel. `reply`: the message that it replies to is not there.
 */
export type PostResult =
  | { status: "new"; seq: number; payload: string }
  | { status: "repeat"; id: string }
  | { status: "refused" }
  | { status: "reply" };

/**
 * Writes a batch of posts in one transaction; see the function's comment in the migration. One result per post.
 *
 * @param waitMs how long it waits for a locked room before it fails; null: a second. With 0 nothing is done for posts to
 *   such rooms, and null is returned.
 */
export async function postMessages(
  sql: ISql,
  posts: readonly Post[],
  waitMs: number | null,
): Promise<(PostResult | null)[]> {
  const rows = await sql<{ status: PostResult["status"] | "held"; id: string; seq: number; payload: string }[]>`
    SELECT status, id, seq::float8, payload FROM post_messages(
      ${posts.map((p) => p.id)}::bigint[], ${posts.map((p) => p.channelId)}::bigint[],
      ${posts.map((p) => p.authorId)}::text[], ${posts.map((p) => p.clientId)}::text[],
      ${posts.map((p) => p.content)}::text[], ${posts.map((p) => p.replyToId)}::bigint[],
      ${posts.map((p) => p.payload)}::text[], ${posts.map(({ span }) => withTraceparent(span))}::text[],
      ${waitMs}::int)`;
  return rows.map(({ status, id, seq, payload }) => {
    if (status === "held") return null;
    if (status === "new") return { status, seq, payload };
    return status === "repeat" ? { status, id } : { status };
  });
}

export async function findMessage(sql: ISql, id: string): Promise<Message | null> {
  const [row] = await sql<MessageRow[]>`SELECT ${columns(sql)} FROM ${tables(sql)} WHERE g.id = ${id}`;
  return row === undefined ? null : toMessage(row);
}

/** The position of a message, deleted or not, in this channel: its seq; null when the channel has no such message. */
export async function findSeq(sql: ISql, channelId: string, id: string): Promise<string | null> {
  const [row] = await sql<{ seq: string }[]>`
    SELECT seq FROM messages WHERE id = ${id} AND channel_id = ${channelId}`;
  return row?.seq ?? null;
}

/** One page of a channel's messages by seq, deleted ones included, and the head of its log, read in the same statement. */
export async function pageMessages(
  sql: ISql,
  channelId: string,
  window: KeysetWindow,
): Promise<KeysetRows<Message> & { headSeq: number }> {
  const rows = await sql<(MessageRow & { side: string | null; head: string })[]>`
    SELECT r.head, l.* FROM rooms r LEFT JOIN LATERAL (${keysetFunctionQuery(sql, sql`messages_beside`, channelId, window)}) l ON true
    WHERE r.id = ${channelId} ORDER BY l.seq`;
  return { ...splitRows(rows, toMessage), headSeq: Number(rows[0]?.head ?? 0) };
}

/** One page of the replies to a message, by seq, deleted ones included. */
export async function pageReplies(sql: ISql, messageId: string, window: KeysetWindow): Promise<KeysetRows<Message>> {
  const rows = await sql<(MessageRow & { side: string })[]>`
    SELECT * FROM (${keysetFunctionQuery(sql, sql`replies_beside`, messageId, window)}) l ORDER BY l.seq`;
  return splitRows(rows, toMessage);
}

/** Locks the channel's room until the transaction ends; returns its head: the transaction's first entry gets the next number. */
export async function lockRoom(sql: ISql, channelId: string): Promise<number> {
  const [row] = await sql<{ head: number }[]>`
    SELECT head::float8 FROM rooms WHERE id = ${channelId} FOR NO KEY UPDATE`;
  return row!.head;
}

/**
 * Sets a message's new text, or none when `content` is null: then it is deleted. `seq`: of the entry for
 * an edit. Returns the message and the entries that still have the old text. The room is locked by the caller.
 */
export async function reviseMessage(
  sql: ISql,
  id: string,
  revision: { content: string; seq: number } | { content: null },
): Promise<{ message: Message; staleSeqs: string[] }> {
  const change =
    revision.content === null
      ? sql`content = '', deleted_at = date_trunc('milliseconds', clock_timestamp())`
      : sql`content = ${revision.content}, edited_at = date_trunc('milliseconds', clock_timestamp()),
          edit_seqs = edit_seqs || ${revision.seq}::bigint`;
  const [row] = await sql<(MessageRow & { stale: string[] })[]>`
    WITH g AS (UPDATE messages SET ${change} WHERE id = ${id} RETURNING *)
    SELECT ${columns(sql)}, g.seq || array_remove(g.edit_seqs, ${revision.content === null ? 0 : revision.seq}::bigint) AS stale
    FROM g JOIN users u ON u.id = g.author_id`;
  return { message: toMessage(row!), staleSeqs: row!.stale };
}

/**
 * The messages of a user that are not deleted, among the `step` messages after the one with this id ('0': the first), and the id
 * of the last of these; null: there are no more. It scans all messages: an index by author would slow down posting.
 */
export async function findMessagesByAuthor(
  sql: ISql,
  userId: string,
  after: string,
  step: number,
): Promise<{ messages: Message[]; last: string | null }> {
  const rows = await sql<(MessageRow & { last: string | null })[]>`
    WITH walked AS MATERIALIZED (SELECT * FROM messages WHERE id > ${after} ORDER BY id LIMIT ${step})
    SELECT l.last, s.* FROM (SELECT max(id) AS last FROM walked) l LEFT JOIN LATERAL (
      SELECT ${columns(sql)} FROM walked g JOIN users u ON u.id = g.author_id
      WHERE g.author_id = ${userId} AND g.deleted_at IS NULL
    ) s ON true ORDER BY s.channel_id, s.seq`;
  return { messages: rows.filter(({ id }) => id !== null).map(toMessage), last: rows[0]!.last };
}

export async function countEdits(sql: ISql, id: string): Promise<number> {
  const [row] = await sql<{ edits: number }[]>`SELECT cardinality(edit_seqs) AS edits FROM messages WHERE id = ${id}`;
  return row?.edits ?? 0;
}

/** Replaces the payload of older entries by this text; their seq stays. The room is locked. */
export async function rewriteEntries(
  sql: ISql,
  channelId: string,
  seqs: readonly string[],
  payload: string,
): Promise<void> {
  await sql`UPDATE log SET payload = ${payload} WHERE room_id = ${channelId} AND seq = ANY (${seqs}::bigint[])`;
}

interface MessageRow {
  id: string;
  channel_id: string;
  seq: string;
  user_id: string;
  username: string;
  content: string;
  client_id: string | null;
  reply_to_id: string | null;
  created_at: Date;
  edited_at: Date | null;
  deleted_at: Date | null;
}

/** Both sides of a window, by the function that reads them. Each author's name is read by key: a join might read all users. */
function keysetFunctionQuery(
  sql: ISql,
  functionName: Fragment,
  id: string,
  { cursor, isCursorBelow, below, above }: KeysetWindow,
): Fragment {
  const first = String(BigInt(cursor) + (isCursorBelow ? 1n : 0n));
  const username = sql`(SELECT u.username FROM users u WHERE u.id = g.author_id)`;
  return sql`
    SELECT CASE WHEN g.seq < ${first} THEN 'below' ELSE 'above' END AS side, ${columns(sql, username)}
    FROM ${functionName}(${id}, ${first}, ${below + 1}, ${above + 1}) g`;
}

function columns(sql: ISql, username: Fragment = sql`u.username`): Fragment {
  return sql`g.id, g.channel_id, g.seq, g.author_id AS user_id, ${username} AS username, g.content, g.client_id, g.reply_to_id,
    g.created_at, g.edited_at, g.deleted_at`;
}

/** The author's name is the current one; the frame of a message has the name at the time of posting. */
function tables(sql: ISql): Fragment {
  return sql`messages g JOIN users u ON u.id = g.author_id`;
}

function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    channel_id: row.channel_id,
    seq: Number(row.seq),
    user_id: row.user_id,
    username: row.username,
    content: row.content,
    client_id: row.client_id,
    reply_to_id: row.reply_to_id,
    created_at: row.created_at.toISOString(),
    edited_at: row.edited_at?.toISOString() ?? null,
    deleted_at: row.deleted_at?.toISOString() ?? null,
  };
}
