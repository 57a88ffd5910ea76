import { type AuditActor, recordAudit } from "../../platform/audit.ts";
import type { UserCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import type { Page } from "../../platform/http/paging.ts";
import type { Sql } from "../../platform/postgres/sql.ts";
import { hasPrivateRoom } from "../../platform/private-rooms.ts";
import { getHost } from "./endpoints.ts";
import { LIMITS } from "./limits.ts";
import { acceptsEntry, refuseNonOwner } from "./rights.ts";
import * as store from "./store/deliveries.ts";
import { findEndpoint, lockEndpoint } from "./store/endpoints.ts";
import { listParked, type ParkedRow } from "./store/parked.ts";

/** One log entry for one endpoint. Times are ISO 8601. */
export type Delivery = Serialized<store.DeliveryRow>;
export type Attempt = Serialized<store.AttemptRow>;

type Serialized<T> = { [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | null ? string | null : T[K] };

export interface DeliveryQuery {
  status?: store.Status;
  /** A delivery's id; older ones follow. */
  after?: string;
  limit: number;
}

const MAX_PARKED = 100;

/** The admins' use cases of deliveries. Throws `not_found`, `conflict`. */
export type Deliveries = ReturnType<typeof createDeliveries>;

export function createDeliveries({ sql, wake }: { sql: Sql; wake: () => void }) {
  async function find(id: string): Promise<Delivery> {
    const row = await store.findDelivery(sql, id);
    if (row === null) throw new AppError("not_found", "There is no such delivery, or it is no longer stored.");
    return serialize(row);
  }

  return {
    /** The newest first. */
    async list(endpointId: string, { status, after, limit }: DeliveryQuery): Promise<Page<Delivery>> {
      if ((await findEndpoint(sql, endpointId)) === null) throw new AppError("not_found");
      const query = { endpointId, status: status ?? null, after: after ?? null, limit: limit + 1 };
      const rows = await store.listDeliveries(sql, query);
      const data = rows.slice(0, limit).map(serialize);
      return { data, next: rows.length > limit ? data.at(-1)!.id : null, prev: null };
    },

    /** Entries of the log of which no deliveries could be made; the newest hundred. */
    async parked(): Promise<Serialized<ParkedRow>[]> {
      return (await listParked(sql, MAX_PARKED)).map(serialize);
    },

    /** With its attempts, the last fifty. */
    async get(who: AuditActor<UserCaller>, id: string): Promise<Delivery & { log: Attempt[] }> {
      const delivery = await find(id);
      const log = await store.listAttempts(sql, id);
      // A receiver's response may repeat what it was sent.
      const isSecret = who.caller.role !== "owner" && delivery.room !== null && hasPrivateRoom([delivery.room]);
      return { ...delivery, log: log.map((row) => serialize(isSecret ? { ...row, response_preview: null } : row)) };
    },

    /** Sends again what was delivered or failed, under the same webhook-id and with the whole schedule again. */
    async redeliver(who: AuditActor<UserCaller>, id: string): Promise<Delivery> {
      const { endpoint_id, room, event_type } = await find(id);
      await sql.begin(async (tx) => {
        const endpoint = await lockEndpoint(tx, endpoint_id);
        if (endpoint === null) throw new AppError("not_found");
        refuseNonOwner(who, endpoint);
        if (room !== null && !acceptsEntry(endpoint, event_type, room))
          throw new AppError(
            "conflict",
            "This endpoint no longer accepts such events. Change its types or rooms first.",
          );
        if (!(await store.redeliver(tx, id)))
          throw new AppError("conflict", "This delivery is still in progress. It is retried automatically.");
        const detail = { host: getHost(endpoint.url), delivery_id: id };
        await recordAudit(tx, who, {
          action: "webhook:redelivered",
          subject: `webhook-endpoint:${endpoint_id}`,
          detail,
        });
      });
      wake();
      return find(id);
    },

    /**
     * The same for all failed deliveries of entries since then that the endpoint still accepts; the oldest 10,000, so call it
     * until it returns 0.
     */
    async replay(who: AuditActor<UserCaller>, endpointId: string, since: Date): Promise<number> {
      const count = await sql.begin(async (tx) => {
        const endpoint = await lockEndpoint(tx, endpointId);
        if (endpoint === null) throw new AppError("not_found");
        refuseNonOwner(who, endpoint);
        const count = await store.redeliverFailed(tx, endpointId, since, LIMITS.replay);
        const detail = { host: getHost(endpoint.url), since: since.toISOString(), count };
        await recordAudit(tx, who, {
          action: "webhook:redelivered",
          subject: `webhook-endpoint:${endpointId}`,
          detail,
        });
        return count;
      });
      wake();
      return count;
    },
  };
}

function serialize<T extends object>(row: T): Serialized<T> {
  const fields = Object.entries(row).map(([name, value]) => [
    name,
    value instanceof Date ? value.toISOString() : value,
  ]);
  return Object.fromEntries(fields) as Serialized<T>;
}
