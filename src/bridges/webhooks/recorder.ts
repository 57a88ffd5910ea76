import type { TailBatch } from "../../platform/log/tail.ts";
import type { TailEntry } from "../../platform/log/windows.ts";
import { isUnavailable } from "../../platform/postgres/database-errors.ts";
import type { Sql, TransactionSql } from "../../platform/postgres/sql.ts";
import type { WebhookLogger } from "./deps.ts";
import { findPoison } from "./poison.ts";
import { takes } from "./rights.ts";
import { webhookId } from "./sign.ts";
import { insertParked } from "./store/parked.ts";
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

/** Attempts at a batch, apart by the reader's back-off, before the entries that make it fail are looked for. */
const PATIENCE = 3;

interface RecorderDeps {
  sql: Sql;
  epoch: () => string;
  recorded: () => void;
  logger: WebhookLogger;
}

/**
 * Turns entries of the log into deliveries, one for each endpoint that wants the entry. The reader's tick moves in the same
 * transaction, first: of two nodes that have the same batch the second waits, and finds nothing left to do.
 * Internal rooms are the nodes' own and go nowhere. An entry that cannot be recorded is parked with its reason, and the rest goes on.
 */
export function createRecorder({ sql, epoch, recorded, logger }: RecorderDeps) {
  let failures = 0;

  return async function record({ entries, advance: move }: TailBatch): Promise<void> {
    const told = entries.filter(({ room }) => !room.startsWith("_"));
    if (told.length === 0) return;
    const subscriptions = await findSubscriptions(sql);
    const write = (tx: TransactionSql, some: readonly TailEntry[]) => writeAll(tx, subscriptions, some, epoch());
    try {
      const made = await sql.begin(async (tx) => {
        await move(tx);
        return write(tx, told);
      });
      failures = 0;
      if (made > 0) recorded();
    } catch (error) {
      if (isUnavailable(error) || ++failures < PATIENCE) throw error;
      const poison = await findPoison(sql, told, write);
      if (poison.length === 0) throw error;
      await sql.begin(async (tx) => {
        await move(tx);
        const bad = new Set(poison.map(({ entry }) => entry));
        await write(
          tx,
          told.filter((entry) => !bad.has(entry)),
        );
        await insertParked(tx, epoch(), poison);
      });
      failures = 0;
      for (const { entry, error } of poison) {
        const { room, seq, type } = entry;
        logger.error({ err: error, room, seq, type }, "an entry could not be recorded for webhooks; it was parked");
      }
      recorded();
    }
  };
}

/** Answers how many deliveries it made. */
async function writeAll(
  tx: TransactionSql,
  subscriptions: readonly Subscription[],
  entries: readonly TailEntry[],
  epoch: string,
): Promise<number> {
  const wanted = subscriptions.flatMap((one) => deliveriesFor(one, entries, epoch));
  const revisions = revisionsIn(entries);
  await insert(tx, wanted);
  if (revisions.length > 0) await revisePayloads(tx, revisions);
  return wanted.length;
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
