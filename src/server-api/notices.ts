import { randomBytes } from "node:crypto";
import { EPHEMERAL_TYPES } from "../../protocol/notices.ts";
import type { Caller } from "../platform/caller.ts";
import type { Attempt } from "../platform/idempotency-keys.ts";
import { toJsonObject } from "../platform/json-object.ts";
import { getMemberText, mergeObjectTexts } from "../platform/json-text.ts";
import type { IdempotentAppend } from "./idempotent-append.ts";
import type { AckOptions, Delivery, Notice, NoticeOptions, Notices, ServerApiDeps } from "./index.ts";
import { checkEventType, namedFieldError, parseUserRoom, requireService, validatePayload } from "./policy.ts";

/** In ms. Callers and their proxies time out at about ten seconds. */
const MAX_ACK_TIMEOUT_MS = 5_000;

/** Label values of the metric: few, and never a type of a service. */
const KINDS = ["booking", "queue", "payment"] as const;

/** Notices to one person: into the log of their own room, and from there to all their connections, now or when they come back. */
export function createNotices({
  realtime,
  cluster,
  metrics,
  append,
}: Pick<ServerApiDeps, "realtime" | "cluster" | "metrics"> & { append: IdempotentAppend }): Notices {
  async function send(
    caller: Caller,
    { user_id, event_type, payload }: Notice,
    {
      ephemeral = false,
      requireAck = false,
      ackTimeout = MAX_ACK_TIMEOUT_MS,
      attempt,
    }: NoticeOptions & AckOptions = {},
  ): Promise<Delivery> {
    const room = parseUserRoom(user_id);
    const { tokenId } = requireService(caller, "notify", room);
    checkEventType(event_type, room);
    const validated = validatePayload(event_type, payload);
    const ackId = requireAck ? randomBytes(16).toString("base64url") : null;
    const text = ackId === null ? validated : withAckId(validated, ackId);
    // Registered before it is sent, so that no acknowledgement comes too early.
    const waitMs = Math.max(0, Math.min(ackTimeout, MAX_ACK_TIMEOUT_MS));
    const acked = ackId === null ? null : cluster.waitForAck(ackId, waitMs, user_id);

    const stored = !ephemeral && !EPHEMERAL_TYPES.has(event_type);
    if (!stored) realtime.publishText(room, event_type, text);
    else await append({ room, type: event_type, payload: text, meta: buildMeta(tokenId, attempt) }, attempt);

    const { counts, partial } = await cluster.countConnections([user_id]);
    const connections = counts.get(user_id) ?? 0;
    if (connections > 0) metrics.notified(getMetricKind(event_type));
    return {
      delivered: connections > 0,
      connections,
      // No client is connected that could acknowledge it.
      acked: acked !== null && (connections > 0 || partial) && (await acked),
      stored,
      partial,
    };
  }

  return {
    send,
    notifyBooking: (caller, { user_id, success, ...payload }, options) =>
      send(caller, buildNotice(user_id, success ? "booking:confirmed" : "booking:failed", payload), options),
    notifyPayment: (caller, { user_id, ...payload }, options) =>
      send(caller, buildNotice(user_id, `payment:${payload.status}`, payload), options),
    notifyQueuePosition: (caller, { user_id, ...payload }) =>
      send(caller, buildNotice(user_id, "booking:queue_position", payload)),
  };
}

function buildNotice(user_id: string, event_type: string, payload: object): Notice {
  return { user_id, event_type, payload: toJsonObject(payload) };
}

function withAckId(payload: string, ackId: string): string {
  if (getMemberText(payload, "ack_id") !== undefined)
    throw namedFieldError(
      "/payload/ack_id",
      "reserved",
      "is reserved for the server when an acknowledgement is required",
    );
  return mergeObjectTexts(payload, JSON.stringify({ ack_id: ackId }));
}

/** The sender and the Idempotency-Key, for the log's `meta`. */
export function buildMeta(tokenId: string, attempt?: Attempt): string {
  return JSON.stringify({ actor: `service:${tokenId}`, once: attempt?.mark });
}

function getMetricKind(type: string): "booking" | "queue" | "payment" | "notification" {
  if (type === "booking:queue_position") return "queue";
  return KINDS.find((kind) => type.startsWith(`${kind}:`)) ?? "notification";
}
