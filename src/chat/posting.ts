import type { MessagePayload } from "../../protocol/frames.ts";
import type { Message } from "../../protocol/objects.ts";
import type { Caller } from "../platform/caller.ts";
import { withBatchSpan, withSpan } from "../platform/context.ts";
import { AppError } from "../platform/errors.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import { createBatcher } from "../platform/postgres/batcher.ts";
import { withLockTimeout } from "../platform/postgres/lock-timeout.ts";
import type { ChatDeps } from "./deps.ts";
import { accessChannel, person } from "./policy.ts";
import { findMessage, type Post, type Posted, postMessages } from "./store/messages.ts";

export interface NewMessage {
  channel_id: string;
  content: string;
  client_id?: string | undefined;
  reply_to_id?: string | null | undefined;
}

/** Says something; see `Messages`. */
export type SendMessage = (caller: Caller, input: NewMessage) => Promise<{ message: Message; created: boolean }>;

/**
 * Sending, the hot path: one batcher per node, one batch in flight, one call of `post_messages` per batch. The batch's
 * entries are shown in the tick in which its answer arrives, in order. A channel whose room is held is written apart.
 */
export function createPosting({
  sql,
  postSql,
  publish,
  ids,
}: Pick<ChatDeps, "sql" | "postSql" | "publish" | "ids">): SendMessage {
  const posts = createBatcher<Post, Posted | null>({
    run: (batch) => withLockTimeout((waitMs) => write(postSql, batch, waitMs)),
    perKey: {
      key: ({ channelId }) => channelId,
      run: (batch) => write(sql, batch, null),
      isLocked: (posted) => posted === null,
    },
  });

  /** Null: not written, the channel's room is held by somebody. */
  async function write(db: ChatDeps["sql"], batch: readonly Post[], waitMs: number | null): Promise<(Posted | null)[]> {
    const began = performance.now();
    const spans = batch.map(({ span }) => span);
    const answers = await withBatchSpan("log append", spans, () => postMessages(db, batch, waitMs));
    const took = performance.now() - began;
    const entries: LogEntry[] = [];
    answers.forEach((answer, i) => {
      if (answer?.status !== "new") return;
      const room = `channel:${batch[i]!.channelId}`;
      const trace = spans[i]?.traceparent;
      const entry = { room, seq: answer.seq, type: "message:created", payload: answer.payload };
      entries.push(trace === undefined ? entry : { ...entry, trace });
    });
    if (entries.length > 0) publish(entries, took);
    return answers;
  }

  return async function send(caller, input) {
    const { userId, username } = person(caller);
    const message: Omit<Message, "seq" | "created_at"> = {
      id: ids.next(),
      channel_id: input.channel_id,
      user_id: userId,
      username,
      // A half of a surrogate pair is no text: PostgreSQL could not hold it, and the log would tell another story.
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
        payload: openPayload(message),
        span,
      }),
    );
    const answer = posted!; // what was held has been written apart
    switch (answer.status) {
      case "new":
        return { message: { ...message, seq: answer.seq, created_at: createdAt(answer.payload) }, created: true };
      case "repeat":
        return { message: (await findMessage(sql, answer.id))!, created: false };
      case "reply":
        throw new AppError("invalid", "The message that this replies to is not in the channel, or was deleted.", {
          errors: [{ pointer: "/reply_to_id", code: "not_found", message: "is no message of this channel" }],
        });
      case "refused":
        return refuse(caller, input.channel_id);
    }
  };

  /** Finds the reason for a refusal; the hot path does not ask for it. */
  async function refuse(caller: Caller, channelId: string): Promise<never> {
    await accessChannel(sql, caller, channelId, "read");
    throw new AppError("unavailable", "You have just joined this channel. Send it again.");
  }
}

/** The JSON text of the entry, but for its end: `,"created_at":"…"}` is put on in the database, where the time is taken. */
function openPayload({ id, ...rest }: Omit<Message, "seq" | "created_at">): string {
  const payload: Omit<MessagePayload, "created_at"> = { message_id: id, ...rest };
  return JSON.stringify(payload).slice(0, -1);
}

/** The time at the end of a payload: `…"2026-11-21T12:00:00.000Z"}`. */
function createdAt(payload: string): string {
  return payload.slice(-26, -2);
}
