import type {
  BroadcastEventResponse,
  GetConnectionStatsResponse,
  NotifyBookingResultResponse,
  NotifyPaymentStatusResponse,
  NotifyQueuePositionResponse,
  SendToUserResponse,
} from "../../../protocol/proto/messages.ts";
import type { ServerApi } from "../../server-api/index.ts";
import type { Unary } from "./call.ts";
import * as requests from "./requests.ts";

/** Time in ms that a response needs on its way back: a caller that waits for an acknowledgement gets its result within its deadline. */
const ACK_MARGIN_MS = 100;

/** The six unary methods of RealtimeService. */
export function createRealtimeMethods({ notices, broadcasts, stats }: ServerApi, unary: Unary) {
  return {
    NotifyBookingResult: unary("NotifyBookingResult", {
      access: "service",
      request: requests.BookingRequest,
      async run({ ephemeral, ...result }, caller, { attempt }): Promise<NotifyBookingResultResponse> {
        const { delivered, connections, stored, partial } = await notices.notifyBooking(caller, result, {
          ephemeral,
          attempt,
        });
        return { delivered, active_connections: connections, stored, partial };
      },
    }),

    NotifyQueuePosition: unary("NotifyQueuePosition", {
      access: "service",
      request: requests.QueueRequest,
      async run({ estimated_wait_seconds: estimated_wait, ...position }, caller): Promise<NotifyQueuePositionResponse> {
        const { delivered, partial } = await notices.notifyQueuePosition(caller, { ...position, estimated_wait });
        return { delivered, partial };
      },
    }),

    NotifyPaymentStatus: unary("NotifyPaymentStatus", {
      access: "service",
      request: requests.PaymentRequest,
      async run({ ephemeral, ...result }, caller, { attempt }): Promise<NotifyPaymentStatusResponse> {
        const { delivered, stored, partial } = await notices.notifyPayment(caller, result, { ephemeral, attempt });
        return { delivered, stored, partial };
      },
    }),

    BroadcastEvent: unary("BroadcastEvent", {
      access: "service",
      request: requests.BroadcastRequest,
      run({ exclude_sender, sender_user_id, ...broadcast }, caller, { attempt }): Promise<BroadcastEventResponse> {
        const exclude_user_id = exclude_sender ? sender_user_id : undefined;
        return broadcasts.send(caller, { ...broadcast, exclude_user_id }, attempt);
      },
    }),

    SendToUser: unary("SendToUser", {
      access: "service",
      request: requests.SendRequest,
      async run({ require_ack: requireAck, ephemeral, ...notice }, caller, info): Promise<SendToUserResponse> {
        const { remainingMs, attempt } = info;
        const ackTimeout = Number.isFinite(remainingMs) ? Math.max(0, remainingMs - ACK_MARGIN_MS) : undefined;
        const sent = await notices.send(caller, notice, { ephemeral, requireAck, ackTimeout, attempt });
        const { delivered, connections, acked, stored, partial } = sent;
        return { delivered, connections_notified: connections, acked, stored, partial };
      },
    }),

    GetConnectionStats: unary("GetConnectionStats", {
      access: "service",
      request: requests.StatsRequest,
      async run({ room }, caller): Promise<GetConnectionStatsResponse> {
        const now = await stats(caller, room);
        return {
          total: now.total,
          authenticated: now.authenticated,
          anonymous: now.anonymous,
          connections_per_room: now.per_room,
          uptime_seconds: now.uptime_seconds,
          messages_sent_total: now.sent,
          messages_received_total: now.received,
          partial: now.partial,
        };
      },
    }),
  };
}
