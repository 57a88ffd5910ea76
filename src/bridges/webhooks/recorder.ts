import type { TailBatch } from "../../platform/log/tail.ts";
import type { TailEntry } from "../../platform/log/windows.ts";
import type { Sql, TransactionSql } from "../../platform/postgres/sql.ts";
import { takes } from "./rights.ts";
import { webhookId } from "./sign.ts";
import {
  findSubscriptions,
  insertDeliveries,
  lockEndpoints,
  type NewDelivery,
  type Revision,
  revisePayloads,
  type Subscription,
} from "./store/recording.ts";

/** Rows of one statement: with payloads of some kB it stays a few MB. */
const CHUNK = 1_000;

/**
 * Turns entries of the log into deliveries, one for each endpoint that wants the entry. The reader's tick moves in the same
 * transaction, first: of two nodes that have the same batch the second waits, and finds nothing left to do.
 * Internal rooms are the nodes' own and go nowhere.
 */
export function createRecorder({ sql, epoch, recorded }: { sql: Sql; epoch: () => string; recorded: () => void }) {
  return async function record({ entries, move }: TailBatch): Promise<void> {
    const told = entries.filter(({ room }) => !room.startsWith("_"));
    if (told.length === 0) return;
    const subscriptions = await findSubscriptions(sql);
    const wanted = subscriptions.flatMap((one) => deliveriesFor(one, told, epoch()));
    const revisions = revisionsIn(told);
    if (wanted.length === 0 && revisions.length === 0) return;
    await sql.begin(async (tx) => {
      await move(tx);
      await insert(tx, wanted);
      if (revisions.length > 0) await revisePayloads(tx, revisions);
    });
    if (wanted.length > 0) recorded();
  };
}

async function insert(tx: TransactionSql, wanted: readonly NewDelivery[]): Promise<void> {
  if (wanted.length === 0) return;
  const there = await lockEndpoints(tx, [...new Set(wanted.map(({ endpointId }) => endpointId))]);
  const rows = wanted.filter(({ endpointId }) => there.has(endpointId));
  for (let i = 0; i < rows.length; i += CHUNK) await insertDeliveries(tx, rows.slice(i, i + CHUNK));
}

function deliveriesFor(endpoint: Subscription, entries: readonly TailEntry[], epoch: string): NewDelivery[] {
  return entries
    .filter(({ room, type }) => takes(endpoint, type, room))
    .map(({ room, seq, type, payload, at }) => ({
      endpointId: endpoint.id,
      webhookId: webhookId({ endpointId: endpoint.id, epoch, room, seq }),
      type,
      place: { room, seq, epoch },
      messageId: messageIdOf(type, payload),
      payload,
      at,
      inOrder: endpoint.ordered,
    }));
}

/** The last word on each message that was edited or deleted. */
function revisionsIn(entries: readonly TailEntry[]): Revision[] {
  const last = new Map<string, Revision>();
  for (const { room, type, payload } of entries) {
    if (type !== "message:updated" && type !== "message:deleted") continue;
    const messageId = messageIdOf(type, payload);
    if (messageId !== null) last.set(`${room} ${messageId}`, { room, messageId, payload });
  }
  return [...last.values()];
}

function messageIdOf(type: string, payload: string): string | null {
  if (!type.startsWith("message:")) return null;
  const id: unknown = JSON.parse(payload).message_id;
  return typeof id === "string" ? id : null;
}
