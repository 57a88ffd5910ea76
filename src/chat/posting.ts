import type { MessagePayload } from "../../protocol/frames.ts";
import type { Message } from "../../protocol/objects.ts";
import type { Caller } from "../platform/caller.ts";
import { withBatchSpan, withSpan } from "../platform/context.ts";
import { AppError, invalidField } from "../platform/errors.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import { createBatcher, withLockTimeout } from "../platform/postgres/batcher.ts";
import type { ChatDeps } from "./deps.ts";
import { accessChannel, requireUser } from "./policy.ts";
import { findMessage, type Post, type PostResult, postMessages } from "./store/messages.ts";

export interface NewMessage {
  channel_id: string;
  content: string;
  client_id?: string | undefined;
  reply_to_id?: string | null | undefined;
}

/**
 * Sends a message. With a `client_id` that the author used in this channel before, returns that message (`created: false`).
 * The post is queued, in its order, before this function returns its promise.
 * Throws `not_found`, `forbidden`, `invalid` (reply_to_id), `unavailable`.
 */
export type SendMessage = (caller: Caller, input: NewMessage) => Promise<{ message: Message; created: boolean }>;

/**
 * Sending, the hot path: one batcher per node, one batch in flight, one call of `post_messages` per batch. The batch's
 * entries are published in the tick in which its result arrives, in order. A channel whose room is locked is written separately.
 */
export function createSendMessage({
  sql,
  postSql,
  publish,
  ids,
}: Pick<ChatDeps, "sql" | "postSql" | "publish" | "ids">): SendMessage {
  const posts = createBatcher<Post, PostResult | null>({
    run: (batch) => withLockTimeout((waitMs) => write(postSql, batch, waitMs)),
    perKey: {
      key: ({ channelId }) => channelId,
      run: (batch) => write(sql, batch, null),
      isLocked: (posted) => posted === null,
    },
  });

  /** Null: not written, the channel's room is locked by another transaction. */
  async function write(
    db: ChatDeps["sql"],
    batch: readonly Post[],
    waitMs: number | null,
  ): Promise<(PostResult | null)[]> {
    const startedAt = performance.now();
    const spans = batch.map(({ span }) => span);
    const results = await withBatchSpan("log append", spans, () => postMessages(db, batch, waitMs));
    const durationMs = performance.now() - startedAt;
    const entries: LogEntry[] = [];
    results.forEach((result, i) => {
      if (result?.status !== "new") return;
      const room = `channel:${batch[i]!.channelId}`;
      const trace = spans[i]?.traceparent;
      const entry = { room, seq: result.seq, type: "message:created", payload: result.payload };
      entries.push(trace === undefined ? entry : { ...entry, trace });
    });
    if (entries.length > 0) publish(entries, durationMs);
    return results;
  }

  return async function send(caller, input) {
    const { userId, username } = requireUser(caller);
    const message: Omit<Message, "seq" | "created_at"> = {
      id: ids.next(),
      channel_id: input.channel_id,
      user_id: userId,
      username,
      // A half of a surrogate pair is no text: PostgreSQL could not store it, and the log would have another text.
      content: input.content.toWellFormed(),
      client_id: input.client_id ?? null,
      reply_to_id: input.reply_to_id ?? null,
      edited_at: null,
      deleted_at: null,
    };
    const posted = await withSpan("log write", (span) =>
      posts.add({
        id: message.id,
        channelId: message.channel_id,
        authorId: userId,
        clientId: message.client_id,
        content: message.content,
        replyToId: message.reply_to_id,
        payload: buildOpenPayload(message),
        span,
      }),
    );
    const result = posted!; // locked rooms have been written separately
    switch (result.status) {
      case "new":
        return { message: { ...message, seq: result.seq, created_at: parseCreatedAt(result.payload) }, created: true };
      case "repeat":
        return { message: (await findMessage(sql, result.id))!, created: false };
      case "reply":
        throw invalidField(
          "/reply_to_id",
          "not_found",
          "is no message of this channel",
          "The message that this replies to is not in the channel, or was deleted.",
        );
      case "refused":
        return throwRefusal(caller, input.channel_id);
    }
  };

  /** Finds the reason for a refusal; the hot path does not read it. */
  async function throwRefusal(caller: Caller, channelId: string): Promise<never> {
    await accessChannel(sql, caller, channelId, "read");
    throw new AppError("unavailable", "You have just joined this channel. Send it again.");
  }
}

/** The JSON text of the entry, without its end: `,"created_at":"…"}` is added in the database, whose clock is used. */
function buildOpenPayload({ id, ...rest }: Omit<Message, "seq" | "created_at">): string {
  const payload: Omit<MessagePayload, "created_at"> = { message_id: id, ...rest };
  return JSON.stringify(payload).slice(0, -1);
}

/** The time at the end of a payload: `…"2026-11-21T12:00:00.000Z"}`. */
function parseCreatedAt(payload: string): string {
  return payload.slice(-26, -2);
}
