import { z } from "zod";
import { Id } from "./rooms.ts";
import { patternText, text } from "./text.ts";

/**
 * Payloads of other teams' services: bookings, payments, queue positions, free seats. Every key is always present; what a
 * service does not know is null (an empty list, an empty message).
 */

/** An amount of money as a decimal number in a text: "100.00". */
export const Amount = patternText(25, /^-?[0-9]{1,15}(\.[0-9]{1,8})?$/, 'an amount such as "100.00"');
export const Currency = patternText(8, /^[A-Z]{3,}$/, 'a currency such as "USD"');

export const Booking = z.object({
  booking_id: Id,
  booking_reference: text(200).nullable().default(null),
  event_id: Id.nullable().default(null),
  seat_numbers: z.array(text(64)).max(1_000).default([]),
  total_amount: Amount.nullable().default(null),
  currency: Currency.nullable().default(null),
  message: text(2_000).default(""),
});
export type Booking = z.infer<typeof Booking>;

export const PAYMENT_STATUSES = ["processing", "success", "failed", "refunded"] as const;

export const Payment = z.object({
  payment_id: Id,
  booking_id: Id,
  status: z.enum(PAYMENT_STATUSES),
  amount: Amount.nullable().default(null),
  currency: Currency.nullable().default(null),
  message: text(2_000).default(""),
});
export type Payment = z.infer<typeof Payment>;

export const QueuePosition = z.object({
  event_id: Id,
  position: z.number().int().min(0),
  /** Seconds. */
  estimated_wait: z.number().int().min(0),
  total_in_queue: z.number().int().min(0),
});
export type QueuePosition = z.infer<typeof QueuePosition>;

/** Counts by whatever names the service has for them, and the seats that changed, each with its version. */
const Tickets = z.looseObject({
  event_id: Id,
  seats: z
    .array(z.looseObject({ id: z.string().max(64), status: z.string().max(32), v: z.number().int().optional() }))
    .max(10_000)
    .optional(),
});

/** The types a service may send whose payload has a fixed shape, by type. */
export const NOTICES = {
  "booking:processing": Booking,
  "booking:confirmed": Booking,
  "booking:failed": Booking,
  "booking:cancelled": Booking,
  "booking:queue_position": QueuePosition,
  "payment:processing": Payment,
  "payment:success": Payment,
  "payment:failed": Payment,
  "payment:refunded": Payment,
  "ticket:availability": Tickets,
  "ticket:reserved": Tickets,
  "ticket:released": Tickets,
} as const;
export type NoticeType = keyof typeof NOTICES;

/** Ephemeral: the next one replaces it; not stored, and without a number in a log. */
export const EPHEMERAL_TYPES: ReadonlySet<string> = new Set<NoticeType>(["booking:queue_position"]);
