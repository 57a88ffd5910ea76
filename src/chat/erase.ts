import type { Message } from "../../protocol/objects.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import { SWEEP_BATCH } from "../platform/postgres/sweep-batches.ts";
import type { ChatDeps } from "./deps.ts";
import { changeRole, removeMember } from "./members.ts";
import { redactMessage } from "./messages.ts";
import { deleteChannel, lockChannelRow } from "./store/channels.ts";
import { countOwners, findMember, findMemberships, findSuccessor } from "./store/members.ts";
import { findMessage, findMessagesByAuthor, lockRoom } from "./store/messages.ts";
import { FIRST_POSITION, findLogPartitions, type LogPosition, replaceName } from "./store/names-in-log.ts";

/**
 * Redacts a user's messages, here and in the log, and removes the user from their channels: these entries remove their
 * connections from the rooms (SPEC JN-8). Entries with their name get the one that identity's erasure has set. A channel
 * that they alone owned gets its longest admin or member as owner; one without anyone else is deleted. Direct chats stay the
 * other person's.
 * One short transaction each, and safe to repeat: an interrupted erasure continues.
 *
 * @param step maximum messages, or log entries, of one statement
 */
export async function eraseUser(
  { sql, transaction }: Pick<ChatDeps, "sql" | "transaction">,
  userId: string,
  step = SWEEP_BATCH,
): Promise<void> {
  const actor = { actor: userId, reason: "erasure" };
  for (const { channel_id, type, deleted } of await findMemberships(sql, userId)) {
    if (type === "direct" || deleted) continue;
    await transaction(actor, async (tx) => {
      await lockChannelRow(tx.sql, channel_id);
      const member = await findMember(tx.sql, channel_id, userId);
      if (member === null) return;
      if (member.role === "owner" && (await countOwners(tx.sql, channel_id)) === 1) {
        const successor = await findSuccessor(tx.sql, channel_id, userId);
        if (successor !== null) await changeRole(tx, channel_id, successor, "owner");
        else {
          await deleteChannel(tx.sql, channel_id);
          tx.log(`channel:${channel_id}`, "channel:deleted", { channel_id });
        }
      }
      await removeMember(tx, channel_id, userId);
    });
  }
  for await (const message of walkMessages(sql, userId, step)) {
    await transaction(actor, async (tx) => {
      await lockRoom(tx.sql, message.channel_id);
      if ((await findMessage(tx.sql, message.id))?.deleted_at === null) await redactMessage(tx, message);
    });
  }
  for (const partition of await findLogPartitions(sql)) {
    let position: LogPosition | null = FIRST_POSITION;
    while (position !== null) {
      const after: LogPosition = position;
      position = await transaction(actor, (tx) => replaceName(tx.sql, partition, userId, after, step));
    }
  }
}

/** In steps: one statement for all messages would hold its snapshot for seconds. */
async function* walkMessages(sql: Sql, userId: string, step: number): AsyncGenerator<Message> {
  let after: string | null = "0";
  while (after !== null) {
    const { messages, last }: { messages: Message[]; last: string | null } = await findMessagesByAuthor(
      sql,
      userId,
      after,
      step,
    );
    yield* messages;
    after = last;
  }
}

/** All data that chat stores about a user: the channels they are in, and their messages that are not deleted. */
export async function exportUser({ sql }: Pick<ChatDeps, "sql">, userId: string): Promise<Record<string, unknown>> {
  const messages = await Array.fromAsync(walkMessages(sql, userId, SWEEP_BATCH));
  messages.sort((a, b) => Number(BigInt(a.channel_id) - BigInt(b.channel_id)) || a.seq - b.seq);
  return { channels: await findMemberships(sql, userId), messages };
}
