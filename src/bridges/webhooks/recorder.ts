import type { TailEntry } from "../../platform/log/windows.ts";
import { isUnavailable } from "../../platform/postgres/database-errors.ts";
import type { ISql, Sql, TransactionSql } from "../../platform/postgres/sql.ts";
import type { WebhookLogger } from "./deps.ts";
import { findPoison } from "./poison.ts";
import { acceptsEntry } from "./rights.ts";
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
const ROWS_PER_INSERT = 1_000;

/** Attempts at a batch, with the consumer's back-off between them, before the entries that make it fail are searched for. */
const MAX_FAILURES = 3;

/** What the recorder uses of a batch of the log. */
interface RecorderBatch {
  entries: readonly TailEntry[];
  advance(sql: ISql): Promise<void>;
}

interface RecorderDeps {
  sql: Sql;
  epoch: () => string;
  onRecorded: () => void;
  logger: WebhookLogger;
}

/**
 * Turns entries of the log into deliveries, one for each endpoint that accepts the entry. The consumer's checkpoint moves in the same
 * transaction, first: of two nodes that have the same batch the second waits, and finds nothing left to do.
 * Entries of internal rooms are not delivered. An entry that cannot be recorded is parked with its reason, and the others are recorded.
 */
export function createRecorder({ sql, epoch, onRecorded, logger }: RecorderDeps) {
  let failures = 0;

  return async function record({ entries, advance: move }: RecorderBatch): Promise<void> {
    const external = entries.filter(({ room }) => !room.startsWith("_"));
    if (external.length === 0) return;
    const subscriptions = await findSubscriptions(sql);
    // Nothing to record: the log tail moves the checkpoint by itself, without a transaction around it.
    if (subscriptions.length === 0 && !external.some(isRevision)) return;
    const write = (tx: TransactionSql, some: readonly TailEntry[]) => writeAll(tx, subscriptions, some, epoch());
    try {
      const count = await sql.begin(async (tx) => {
        await move(tx);
        return write(tx, external);
      });
      failures = 0;
      if (count > 0) onRecorded();
    } catch (error) {
      if (isUnavailable(error) || ++failures < MAX_FAILURES) throw error;
      const poison = await findPoison(sql, external, write);
      if (poison.length === 0) throw error;
      await sql.begin(async (tx) => {
        await move(tx);
        const bad = new Set(poison.map(({ entry }) => entry));
        await write(
          tx,
          external.filter((entry) => !bad.has(entry)),
        );
        await insertParked(tx, epoch(), poison);
      });
      failures = 0;
      for (const { entry, error } of poison) {
        const { room, seq, type } = entry;
        logger.error({ err: error, room, seq, type }, "an entry could not be recorded for webhooks; it was parked");
      }
      onRecorded();
    }
  };
}

/** Returns the number of deliveries created. */
async function writeAll(
  tx: TransactionSql,
  subscriptions: readonly Subscription[],
  entries: readonly TailEntry[],
  epoch: string,
): Promise<number> {
  const deliveries = subscriptions.flatMap((subscription) => buildDeliveries(subscription, entries, epoch));
  const revisions = findRevisions(entries);
  await insert(tx, deliveries);
  if (revisions.length > 0) await revisePayloads(tx, revisions);
  return deliveries.length;
}

async function insert(tx: TransactionSql, deliveries: readonly NewDelivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  const existing = await lockEndpoints(tx, [...new Set(deliveries.map(({ endpointId }) => endpointId))]);
  const rows = deliveries.filter(({ endpointId }) => existing.has(endpointId));
  for (let i = 0; i < rows.length; i += ROWS_PER_INSERT) await insertDeliveries(tx, rows.slice(i, i + ROWS_PER_INSERT));
}

function buildDeliveries(endpoint: Subscription, entries: readonly TailEntry[], epoch: string): NewDelivery[] {
  return entries
    .filter(({ room, type }) => acceptsEntry(endpoint, type, room))
    .map(({ room, seq, type, payload, at }) => ({
      endpointId: endpoint.id,
      webhookId: webhookId({ endpointId: endpoint.id, epoch, room, seq }),
      type,
      position: { room, seq, epoch },
      messageId: parseMessageId(type, payload),
      payload,
      at,
      inOrder: endpoint.ordered,
    }));
}

function isRevision({ type }: Pick<TailEntry, "type">): boolean {
  return type === "message:updated" || type === "message:deleted";
}

/** The last entry of each message that was edited or deleted. */
function findRevisions(entries: readonly TailEntry[]): Revision[] {
  const last = new Map<string, Revision>();
  for (const { room, type, payload } of entries) {
    if (!isRevision({ type })) continue;
    const messageId = parseMessageId(type, payload);
    if (messageId !== null) last.set(`${room} ${messageId}`, { room, messageId, payload });
  }
  return [...last.values()];
}

function parseMessageId(type: string, payload: string): string | null {
  if (!type.startsWith("message:")) return null;
  const id: unknown = JSON.parse(payload).message_id;
  return typeof id === "string" ? id : null;
}
