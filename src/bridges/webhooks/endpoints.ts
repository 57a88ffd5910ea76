import { type AuditActor, recordAudit } from "../../platform/audit.ts";
import type { UserCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { repeatUntilEmpty } from "../../platform/postgres/sweep-batches.ts";
import { requireRoomAccess } from "../../platform/private-rooms.ts";
import type { WebhookDeps } from "./deps.ts";
import { LIMITS } from "./limits.ts";
import { refuseUnsafe } from "./post.ts";
import { NotPublicError, type Resolve, resolvePublic, systemResolve } from "./public-address.ts";
import { refuseNonOwner } from "./rights.ts";
import { newSecret } from "./sign.ts";
import * as store from "./store/endpoints.ts";
import { insertDeliveries } from "./store/recording.ts";
import { releaseWaiting } from "./store/sending.ts";
import { deleteDeliveries } from "./store/sweeping.ts";

/** An endpoint as admins see it: without its secret. Times are ISO 8601. */
export interface Endpoint {
  id: string;
  url: string;
  event_types: string[];
  rooms: string[];
  description: string;
  ordered: boolean;
  disabled: boolean;
  disabled_at: string | null;
  /** `gone`: it responded with 410. `failing`: only failures for days. `backlog`: too many deliveries waited for it. */
  disabled_reason: store.DisabledReason | null;
  failing_since: string | null;
  /** Until then the previous secret signs too. */
  old_secret_until: string | null;
  created_at: string;
}

export type EndpointChanges = Partial<store.EndpointFields> & { disabled?: boolean };

/** The admins' use cases of endpoints. Throws `not_found`, `url_not_public`, `full`, `conflict`. */
export type Endpoints = ReturnType<typeof createEndpoints>;

type Deps = Pick<WebhookDeps, "sql" | "ids" | "allowPrivate" | "resolve"> & { wake: () => void };

export function createEndpoints({ sql, ids, allowPrivate, resolve = systemResolve, wake }: Deps) {
  const get = async (id: string) => toEndpoint(requireEndpoint(await store.findEndpoint(sql, id)));

  return {
    get,

    async list(): Promise<Endpoint[]> {
      return (await store.listEndpoints(sql)).map(toEndpoint);
    },

    /** The only time that `secret` is returned. */
    async create(who: AuditActor<UserCaller>, fields: store.EndpointFields): Promise<Endpoint & { secret: string }> {
      requireRoomAccess(who, fields.rooms);
      if (!allowPrivate) await refuseNonPublic(fields.url, resolve);
      const endpoint = { ...fields, id: ids.next(), secret: newSecret(), created_by: who.caller.userId };
      const row = await sql.begin(async (tx) => {
        const row = await store.insertEndpoint(tx, endpoint, LIMITS.endpoints);
        if (row === null) throw new AppError("full", `There are ${LIMITS.endpoints} endpoints, which is the maximum.`);
        await recordAudit(tx, who, {
          action: "webhook:made",
          subject: formatSubject(endpoint.id),
          detail: { host: getHost(fields.url) },
        });
        return row;
      });
      return { ...toEndpoint(row), secret: endpoint.secret };
    },

    async change(
      who: AuditActor<UserCaller>,
      id: string,
      { disabled, ...changes }: EndpointChanges,
    ): Promise<Endpoint> {
      if (changes.url !== undefined && !allowPrivate) await refuseNonPublic(changes.url, resolve);
      await sql.begin(async (tx) => {
        const { disabled_at, rooms, url } = requireEndpoint(await store.lockEndpoint(tx, id));
        if (disabled !== true || Object.keys(changes).length > 0) refuseNonOwner(who, { rooms });
        requireRoomAccess(who, changes.rooms ?? []);
        await store.updateEndpoint(tx, id, changes);
        if (disabled === true) await store.disableEndpoint(tx, id, "admin");
        if (disabled === false && disabled_at !== null) {
          await store.enableEndpoint(tx, id);
          await releaseWaiting(tx, id);
        }
        const detail = {
          fields: Object.keys(changes),
          host: getHost(changes.url ?? url),
          ...(disabled !== undefined && { disabled }),
        };
        await recordAudit(tx, who, { action: "webhook:changed", subject: formatSubject(id), detail });
      });
      wake();
      return get(id);
    },

    /** With all of its deliveries. Disabled first, so that an interrupted removal can be repeated. */
    async remove(who: AuditActor<UserCaller>, id: string): Promise<void> {
      await sql.begin(async (tx) => {
        const { url } = requireEndpoint(await store.lockEndpoint(tx, id));
        await store.disableEndpoint(tx, id, "admin");
        await recordAudit(tx, who, {
          action: "webhook:removed",
          subject: formatSubject(id),
          detail: { host: getHost(url) },
        });
      });
      await repeatUntilEmpty(() => deleteDeliveries(sql, id));
      await store.deleteEndpoint(sql, id);
    },

    /** The old secret signs in addition to the new one for `overlap` ms, in which receivers switch to the new one. */
    async rotateSecret(who: AuditActor<UserCaller>, id: string, overlap: number): Promise<{ secret: string }> {
      const secret = newSecret();
      await sql.begin(async (tx) => {
        const endpoint = requireEndpoint(await store.lockEndpoint(tx, id));
        refuseNonOwner(who, endpoint);
        await store.replaceSecret(tx, id, secret, overlap);
        await recordAudit(tx, who, {
          action: "webhook:secret-rotated",
          subject: formatSubject(id),
          detail: { host: getHost(endpoint.url), overlap },
        });
      });
      return { secret };
    },

    /** Sends an entry `{test: true}` that is in no log, whatever the patterns say. Returns the id of its delivery. */
    async test(who: AuditActor<UserCaller>, id: string, type: string): Promise<string> {
      const [delivery] = await sql.begin(async (tx) => {
        const endpoint = requireEndpoint(await store.lockEndpoint(tx, id));
        refuseNonOwner(who, endpoint);
        if (endpoint.disabled_at !== null)
          throw new AppError("conflict", "This endpoint is disabled. Enable it first.");
        const entry = {
          endpointId: id,
          webhookId: `msg_test_${ids.next()}`,
          type,
          payload: JSON.stringify({ test: true }),
        };
        const made = await insertDeliveries(tx, [
          { ...entry, position: null, messageId: null, at: null, inOrder: false },
        ]);
        await recordAudit(tx, who, {
          action: "webhook:tested",
          subject: formatSubject(id),
          detail: { host: getHost(endpoint.url), delivery_id: made[0]! },
        });
        return made;
      });
      wake();
      return delivery!;
    },
  };
}

function requireEndpoint(row: store.EndpointRow | null): store.EndpointRow {
  if (row === null) throw new AppError("not_found", "There is no such webhook endpoint.");
  return row;
}

/** An early error for what every attempt checks again. A name that does not resolve yet is accepted: it may resolve later. */
async function refuseNonPublic(url: string, resolve: Resolve): Promise<void> {
  const target = new URL(url);
  try {
    refuseUnsafe(target);
    await resolvePublic(target.hostname.replace(/^\[|\]$/g, ""), resolve);
  } catch (error) {
    if (!(error instanceof NotPublicError)) return;
    const errors = [{ pointer: "/url", code: "url_not_public", message: error.message }];
    throw new AppError("url_not_public", error.message, { errors });
  }
}

function toEndpoint({ disabled_at, failing_since, old_secret_until, created_at, ...row }: store.EndpointRow): Endpoint {
  return {
    ...row,
    disabled: disabled_at !== null,
    disabled_at: disabled_at?.toISOString() ?? null,
    failing_since: failing_since?.toISOString() ?? null,
    old_secret_until: old_secret_until?.toISOString() ?? null,
    created_at: created_at.toISOString(),
  };
}

const formatSubject = (id: string) => `webhook-endpoint:${id}`;
/** The part of an endpoint's URL that the audit log may show: paths and queries often contain secrets. */
export const getHost = (url: string) => new URL(url).host;
