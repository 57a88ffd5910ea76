import { randomBytes } from "node:crypto";
import { NEVER_KEPT } from "../../protocol/notices.ts";
import type { Caller } from "../platform/caller.ts";
import type { Attempt } from "../platform/http/run-idempotent.ts";
import { toJsonObject } from "../platform/json-object.ts";
import { getMemberText, mergeObjectTexts } from "../platform/json-text.ts";
import type { AckOptions, Delivery, Notice, NoticeOptions, Notices, ServerApiDeps } from "./index.ts";
import type { KeepOnce } from "./keep-once.ts";
import { checkedPayload } from "./payload.ts";
import { checkType, invalid, ownRoomOf, service } from "./policy.ts";

/** ms. Callers and their proxies give up at about ten seconds. */
const MOST_ACK_TIMEOUT = 5_000;

/** Of the metric: few, and never a type that a service invented. */
const KINDS = ["booking", "queue", "payment"] as const;

/** Notices to one person: into the log of his own room, and from there to all his connections, now or when he comes back. */
export function createNotices({
  realtime,
  cluster,
  metrics,
  keep,
}: Pick<ServerApiDeps, "realtime" | "cluster" | "metrics"> & { keep: KeepOnce }): Notices {
  async function send(
    caller: Caller,
    { user_id, event_type, payload }: Notice,
    { ephemeral = false, requireAck = false, ackTimeout = MOST_ACK_TIMEOUT, attempt }: NoticeOptions & AckOptions = {},
  ): Promise<Delivery> {
    const room = ownRoomOf(user_id);
    const { tokenId } = service(caller, "notify", room);
    checkType(event_type, room);
    const checked = checkedPayload(event_type, payload);
    const ackId = requireAck ? randomBytes(16).toString("base64url") : null;
    const whole = ackId === null ? checked : withAckId(checked, ackId);
    // Asked before it is sent, so that no answer comes too early.
    const wait = Math.max(0, Math.min(ackTimeout, MOST_ACK_TIMEOUT));
    const acked = ackId === null ? null : cluster.waitForAck(ackId, wait, user_id);

    const stored = !ephemeral && !NEVER_KEPT.has(event_type);
    if (!stored) realtime.publishText(room, event_type, whole);
    else await keep({ room, type: event_type, payload: whole, meta: metaOf(tokenId, attempt) }, attempt);

    const { counts, partial } = await cluster.countConnections([user_id]);
    const connections = counts.get(user_id) ?? 0;
    if (connections > 0) metrics.notified(kindOf(event_type));
    return {
      delivered: connections > 0,
      connections,
      // Nobody is there who could say so.
      acked: acked !== null && (connections > 0 || partial) && (await acked),
      stored,
      partial,
    };
  }

  return {
    send,
    notifyBooking: (caller, { user_id, success, ...payload }, more) =>
      send(caller, noticeOf(user_id, success ? "booking:confirmed" : "booking:failed", payload), more),
    notifyPayment: (caller, { user_id, ...payload }, more) =>
      send(caller, noticeOf(user_id, `payment:${payload.status}`, payload), more),
    notifyQueuePosition: (caller, { user_id, ...payload }) =>
      send(caller, noticeOf(user_id, "booking:queue_position", payload)),
  };
}

function noticeOf(user_id: string, event_type: string, payload: object): Notice {
  return { user_id, event_type, payload: toJsonObject(payload) };
}

function withAckId(payload: string, ackId: string): string {
  if (getMemberText(payload, "ack_id") !== undefined)
    throw invalid("/payload/ack_id", "reserved", "is the server's own when an acknowledgement is required");
  return mergeObjectTexts(payload, JSON.stringify({ ack_id: ackId }));
}

/** Who said it, and by which Idempotency-Key, for the log's `meta`. */
export function metaOf(tokenId: string, attempt?: Attempt): string {
  return JSON.stringify({ actor: `service:${tokenId}`, once: attempt?.mark });
}

function kindOf(type: string): "booking" | "queue" | "payment" | "notification" {
  if (type === "booking:queue_position") return "queue";
  return KINDS.find((kind) => type.startsWith(`${kind}:`)) ?? "notification";
}
