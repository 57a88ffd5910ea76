import type { MessagePayload } from "../../protocol/frames.ts";
import type { Message } from "../../protocol/objects.ts";
import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { type Editable, refuseStale } from "../platform/http/etag.ts";
import type { Page } from "../platform/http/paging.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { ChatDeps } from "./deps.ts";
import { createSeqWindow, type PageQuery, toPage } from "./keyset-page.ts";
import { LIMITS } from "./limits.ts";
import { accessChannel, requireUser } from "./policy.ts";
import {
  countEdits,
  findMessage,
  findSeq,
  lockRoom,
  pageMessages,
  pageReplies,
  reviseMessage,
  rewriteEntries,
} from "./store/messages.ts";

/** Messages that are there; they are sent by posting.ts. */
export interface Messages {
  /**
   * Changes the text of the caller's own message, also in older entries of the log. Throws `conflict` for a deleted one, and
   * `changed` when `ifMatch` names another state.
   */
  edit(caller: Caller, messageId: string, content: string, ifMatch?: string): Promise<Message>;
  /** Redacts a message, also in the log: for its author, and admins of the channel. A second time is no error. */
  delete(caller: Caller, messageId: string): Promise<void>;
  get(caller: Caller, messageId: string): Promise<Message>;
  /** The replies to a message in the order of their seq, deleted ones included. Throws `anchor_not_found`. */
  replies(caller: Caller, messageId: string, query: PageQuery): Promise<Page<Message>>;
  /**
   * One page in the order of seq, deleted messages included (with no text); the newest one without a cursor. A cursor is
   * the id of a message, or `after: "0"` for the first page.
   * `head_seq`, `epoch`: the channel's log at that moment; what comes after it is not in the page. Throws `anchor_not_found`.
   */
  page(
    caller: Caller,
    channelId: string,
    query: PageQuery,
  ): Promise<Page<Message> & { head_seq: number; epoch: string }>;
}

/** What `edit` and `delete` change, for the ETag. */
export function editableMessageFields({ content, edited_at, deleted_at }: Message): Editable {
  return { content, edited_at, deleted_at };
}

export function createMessages({ sql, transaction, epoch }: Pick<ChatDeps, "sql" | "transaction" | "epoch">): Messages {
  /** A message whose channel the caller may read; throws `not_found` or `forbidden`. */
  async function accessMessage(caller: Caller, messageId: string) {
    requireUser(caller);
    const message = await findMessage(sql, messageId);
    if (message === null) throw new AppError("not_found", "There is no such message, or you are not in its channel.");
    const channel = await accessChannel(sql, caller, message.channel_id, "read");
    return { message, channel };
  }

  return {
    async edit(caller, messageId, content, ifMatch) {
      const { userId } = requireUser(caller);
      const { channel_id } = (await accessMessage(caller, messageId)).message;
      return transaction({ actor: userId }, async (tx) => {
        const head = await lockRoom(tx.sql, channel_id);
        await accessChannel(tx.sql, caller, channel_id, "read");
        const old = (await findMessage(tx.sql, messageId))!;
        if (old.user_id !== userId) throw new AppError("forbidden", "Only its author can edit a message.");
        refuseStale(ifMatch, editableMessageFields(old));
        if (old.deleted_at !== null) throw new AppError("conflict", "This message has been deleted.");
        const text = content.toWellFormed();
        if (old.content === text) return old;
        if ((await countEdits(tx.sql, messageId)) >= LIMITS.edits) {
          throw new AppError("conflict", `This message has been edited ${LIMITS.edits} times, which is the maximum.`);
        }
        const { message, staleSeqs } = await reviseMessage(tx.sql, messageId, { content: text, seq: head + 1 });
        const payload = toPayload(message);
        await rewriteEntries(tx.sql, channel_id, staleSeqs, JSON.stringify(payload));
        tx.log(`channel:${channel_id}`, "message:updated", payload);
        return message;
      });
    },

    async delete(caller, messageId) {
      const { userId } = requireUser(caller);
      const { channel_id } = (await accessMessage(caller, messageId)).message;
      await transaction({ actor: userId }, async (tx) => {
        await lockRoom(tx.sql, channel_id);
        const channel = await accessChannel(tx.sql, caller, channel_id, "read");
        const old = (await findMessage(tx.sql, messageId))!;
        if (old.user_id !== userId && channel.role === "member") {
          throw new AppError(
            "forbidden",
            "Only its author, or an admin or owner of the channel, may delete a message.",
          );
        }
        if (old.deleted_at !== null) return;
        await redactMessage(tx, old);
      });
    },

    async get(caller, messageId) {
      return (await accessMessage(caller, messageId)).message;
    },

    async replies(caller, messageId, query) {
      const { channel } = await accessMessage(caller, messageId);
      const window = await createSeqWindow(query, "oldest", (id) => findSeq(sql, channel.id, id));
      return toPage(await pageReplies(sql, messageId, window), window, ({ id }) => id);
    },

    async page(caller, channelId, query) {
      const { id } = await accessChannel(sql, caller, channelId, "read");
      const window = await createSeqWindow(query, "newest", (named) => findSeq(sql, id, named));
      const { headSeq, ...rows } = await pageMessages(sql, id, window);
      return { ...toPage(rows, window, (message) => message.id), head_seq: headSeq, epoch: epoch() };
    },
  };
}

/** Deletes a message that is not deleted. The room is locked by the caller. */
export async function redactMessage(tx: Tx, { id, channel_id }: { id: string; channel_id: string }): Promise<void> {
  const { message, staleSeqs } = await reviseMessage(tx.sql, id, { content: null });
  await rewriteEntries(tx.sql, channel_id, staleSeqs, JSON.stringify(toPayload(message)));
  const { deleted_at, seq: message_seq, user_id: author_id } = message;
  const payload = { message_id: id, channel_id, deleted_at, message_seq, author_id };
  tx.log(`channel:${channel_id}`, "message:deleted", payload);
}

/** A message as frames carry it. */
function toPayload({ id, seq: _, ...rest }: Message): MessagePayload {
  return { message_id: id, ...rest };
}
