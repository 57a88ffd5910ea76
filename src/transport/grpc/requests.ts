import { z } from "zod";
import { Booking, Payment, QueuePosition } from "../../../protocol/notices.ts";
import { normalizeRoom, ROOM_MAX, UserId } from "../../../protocol/rooms.ts";
import { text } from "../../../protocol/text.ts";
import { checkJsonBounds } from "../../platform/json-bounds.ts";
import { type JsonObject, parseJsonObject, toJsonObject } from "../../platform/json-object.ts";

/** The schemas of the methods' messages. In proto3 an empty text and no text are the same: both count as left out. */

/** Maximum bytes of a payload, as of a frame. */
const MAX_PAYLOAD = 65_536;

/** A message whose empty texts are left out, so that fields are required, null or defaulted as their schemas say. */
function message<S extends z.ZodType>(schema: S) {
  return z.preprocess(
    (value) => Object.fromEntries(Object.entries(value as object).filter(([, field]) => field !== "")),
    schema,
  );
}

const ephemeral = z.boolean();

const Room = text(ROOM_MAX).transform((name, ctx) => {
  const room = normalizeRoom(name);
  if (room !== null) return room;
  ctx.addIssue({ code: "custom", message: 'a room such as "event:123", or "all"' });
  return z.NEVER;
});

const Payload = text(MAX_PAYLOAD).transform((text, ctx): JsonObject => {
  const refuse = (message: string) => {
    ctx.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  if (Buffer.byteLength(text) > MAX_PAYLOAD) return refuse(`at most ${MAX_PAYLOAD} bytes`);
  const bounds = checkJsonBounds(text, MAX_PAYLOAD);
  if (bounds !== null) return refuse(bounds);
  const read = parseJsonObject(text);
  return typeof read === "string" ? refuse(read) : read;
});

const EventType = text(64);

export const BookingRequest = message(Booking.extend({ user_id: UserId, success: z.boolean(), ephemeral }));

export const QueueRequest = message(
  QueuePosition.omit({ estimated_wait: true }).extend({
    user_id: UserId,
    estimated_wait_seconds: z.number().int().min(0),
  }),
);

const STATUSES = {
  PAYMENT_STATUS_PROCESSING: "processing",
  PAYMENT_STATUS_SUCCESS: "success",
  PAYMENT_STATUS_FAILED: "failed",
  PAYMENT_STATUS_REFUNDED: "refunded",
} as const;

export const PaymentRequest = message(
  Payment.extend({
    user_id: UserId,
    status: z.union([text(64), z.number()]).transform((name, ctx): (typeof STATUSES)[keyof typeof STATUSES] => {
      if (Object.hasOwn(STATUSES, name)) return STATUSES[name as keyof typeof STATUSES];
      ctx.addIssue({ code: "custom", message: `one of ${Object.keys(STATUSES).join(", ")}` });
      return z.NEVER;
    }),
    ephemeral,
  }),
);

export const BroadcastRequest = message(
  z
    .object({
      event_type: EventType,
      room: Room,
      payload: Payload.default(toJsonObject({})),
      exclude_sender: z.boolean(),
      sender_user_id: UserId.optional(),
      ephemeral,
    })
    .refine(({ exclude_sender, sender_user_id }) => !exclude_sender || sender_user_id !== undefined, {
      path: ["sender_user_id"],
      message: "is needed with exclude_sender",
    }),
);

export const SendRequest = message(
  z.object({
    user_id: UserId,
    event_type: EventType,
    payload: Payload.default(toJsonObject({})),
    require_ack: z.boolean(),
    ephemeral,
  }),
);

export const StatsRequest = message(z.object({ room: Room.optional() }));

const MAX_ROOMS = 1_000;

export const Subscription = z.object({
  rooms: z
    .array(
      message(
        z.object({
          room: Room,
          seq: z.number().int().min(0).optional(),
          epoch: z.string().max(32).default(""),
        }),
      ),
    )
    .min(1, "name a room")
    .max(MAX_ROOMS)
    .refine((rooms) => new Set(rooms.map(({ room }) => room)).size === rooms.length, "each room once"),
});
