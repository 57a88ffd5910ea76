import type { Message } from "../../protocol/objects.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import { SWEEP_BATCH } from "../platform/postgres/sweep-batches.ts";
import type { ChatDeps } from "./deps.ts";
import { changeRole, takeOut } from "./members.ts";
import { takeTextAway } from "./messages.ts";
import { deleteChannel, lockChannelRow } from "./store/channels.ts";
import { countOwners, findHeir, findMember, findMemberships } from "./store/members.ts";
import { findMessage, findSaid, lockRoom } from "./store/messages.ts";
import { FIRST_PLACE, findLogParts, type LogPlace, renewName } from "./store/names-in-log.ts";

/**
 * Takes a person's words away, here and in the log, and takes them out of their channels: the entries that tell of it take their
 * connections out of the rooms (SPEC JN-8). Entries that tell their name get the one that identity's erasure left them. A channel
 * that they alone owned gets its longest admin or member as owner; one without anyone else is deleted. Direct chats stay the
 * other person's.
 * One short transaction each, and safe to repeat: what was cut off half way goes on.
 *
 * @param step messages, and entries of the log, that one statement goes through
 */
export async function erasePerson(
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
        const heir = await findHeir(tx.sql, channel_id, userId);
        if (heir !== null) await changeRole(tx, channel_id, heir, "owner");
        else {
          await deleteChannel(tx.sql, channel_id);
          tx.log(`channel:${channel_id}`, "channel:deleted", { channel_id });
        }
      }
      await takeOut(tx, channel_id, userId);
    });
  }
  for await (const said of allSaid(sql, userId, step)) {
    await transaction(actor, async (tx) => {
      await lockRoom(tx.sql, said.channel_id);
      if ((await findMessage(tx.sql, said.id))?.deleted_at === null) await takeTextAway(tx, said);
    });
  }
  for (const part of await findLogParts(sql)) {
    let place: LogPlace | null = FIRST_PLACE;
    while (place !== null) {
      const after: LogPlace = place;
      place = await transaction(actor, (tx) => renewName(tx.sql, part, userId, after, step));
    }
  }
}

/** In steps: one statement for all messages would keep its snapshot for seconds. */
async function* allSaid(sql: Sql, userId: string, step: number): AsyncGenerator<Message> {
  let after: string | null = "0";
  while (after !== null) {
    const { said, last }: { said: Message[]; last: string | null } = await findSaid(sql, userId, after, step);
    yield* said;
    after = last;
  }
}

/** Everything that chat keeps of a person: where he is, and what he said and did not take back. */
export async function exportPerson({ sql }: Pick<ChatDeps, "sql">, userId: string): Promise<Record<string, unknown>> {
  const messages = await Array.fromAsync(allSaid(sql, userId, SWEEP_BATCH));
  messages.sort((a, b) => Number(BigInt(a.channel_id) - BigInt(b.channel_id)) || a.seq - b.seq);
  return { channels: await findMemberships(sql, userId), messages };
}
