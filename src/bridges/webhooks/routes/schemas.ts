import { z } from "zod";
import { Time, TimeInput } from "../../../../protocol/objects.ts";
import { ROOM_MAX, Snowflake } from "../../../../protocol/rooms.ts";
import { lineText, patternText, text } from "../../../../protocol/text.ts";
import { isDeceptive } from "../../../../protocol/visible.ts";
import { LIMITS } from "../limits.ts";
import { STATUSES } from "../store/deliveries.ts";

const EventType = patternText(100, /^[A-Za-z0-9_.:-]+$/, "an event type such as message:created");
const TypePattern = patternText(
  101,
  /^(\*|[A-Za-z0-9_.:-]{1,100}\*?)$/,
  "an event type, a prefix followed by *, or *",
).meta({ description: "`message:created`, `message:*` or `*`." });
const RoomPattern = patternText(ROOM_MAX + 1, /^(\*|[a-z][\x21-\x7e]*)$/, "a room, a prefix followed by *, or *").meta({
  description: "`channel:1`, `channel:*` or `*`.",
});

const fields = {
  url: text(LIMITS.url)
    .check(z.url({ protocol: /^https?$/, error: "an https address" }))
    .refine(
      (text) => URL.canParse(text) && new URL(text).username === "" && new URL(text).password === "",
      "without a password in it",
    )
    .refine((text) => !isDeceptive(text), "without characters that make it look like another one")
    .meta({ description: "https, and public, unless WEBHOOKS_ALLOW_PRIVATE is set." }),
  event_types: z.array(TypePattern).min(1).max(LIMITS.patterns),
  rooms: z.array(RoomPattern).min(1).max(LIMITS.patterns),
  description: lineText(LIMITS.description),
  ordered: z.boolean().meta({
    description: "Whether deliveries of one room wait for the earlier ones; a change applies to events from then on.",
  }),
};

export const NewEndpoint = z.strictObject({
  url: fields.url,
  event_types: fields.event_types,
  rooms: fields.rooms.default(["*"]),
  description: fields.description.default(""),
  ordered: fields.ordered.default(false),
});

export const ChangedEndpoint = z.strictObject({ ...fields, disabled: z.boolean() }).partial();

export const Endpoint = z
  .object({
    id: Snowflake,
    url: z.string(),
    event_types: z.array(z.string()),
    rooms: z.array(z.string()),
    description: z.string(),
    ordered: z.boolean(),
    disabled: z.boolean(),
    disabled_at: Time.nullable(),
    disabled_reason: z.enum(["admin", "gone", "failing", "backlog"]).nullable(),
    failing_since: Time.nullable().meta({ description: "The first failure since the last success." }),
    old_secret_until: Time.nullable().meta({ description: "Until then the previous secret signs too." }),
    created_at: Time,
  })
  .meta({ id: "WebhookEndpoint" });

const secret = z.string().meta({ description: "Signs what is posted. Shown only once." });
export const EndpointWithSecret = Endpoint.extend({ secret }).meta({ id: "WebhookEndpointWithSecret" });
export const RotatedSecret = z.object({ secret });

export const Rotation = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(LIMITS.maxOverlapMs / 1_000)
    .default(86_400)
    .meta({ description: "How long the old secret signs in addition to the new one." }),
});

export const TestEvent = z.strictObject({ event_type: EventType.default("webhook:test") });
export const Replay = z.strictObject({ since: TimeInput });
export const Replayed = z.object({
  count: z.number().int().meta({ description: "At most 10,000; repeat the request for the next ones." }),
});

export const Delivery = z
  .object({
    id: Snowflake,
    endpoint_id: Snowflake,
    webhook_id: z.string().meta({ description: "The header `webhook-id`: the same at every attempt." }),
    event_type: z.string(),
    room: z.string().nullable(),
    seq: z.number().int().nullable(),
    status: z.enum(STATUSES).meta({ description: "`failed`: given up; redeliver it when the receiver works again." }),
    attempts: z.number().int(),
    response_status: z.number().int().nullable(),
    error: z.string().nullable(),
    next_attempt_at: Time.nullable().meta({ description: "Null while it waits for an earlier one of its room." }),
    occurred_at: Time,
    created_at: Time,
    ended_at: Time.nullable(),
  })
  .meta({ id: "WebhookDelivery" });

export const ParkedEntry = z
  .object({
    id: Snowflake,
    room: z.string(),
    seq: z.number().int(),
    event_type: z.string(),
    reason: z.string(),
    parked_at: Time,
  })
  .meta({ id: "WebhookParkedEntry" });

export const Attempt = z.object({
  n: z.number().int(),
  at: Time,
  ms: z.number().int(),
  response_status: z.number().int().nullable(),
  error: z.string().nullable(),
  response_preview: z.string().nullable().meta({ description: "The first 1 kB of the response." }),
});

export const DeliveryWithLog = Delivery.extend({ log: z.array(Attempt) }).meta({ id: "WebhookDeliveryWithLog" });
export const TestSent = z.object({ delivery_id: Snowflake });

export const DeliveryList = z.strictObject({
  status: z.enum(STATUSES).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: Snowflake.optional(),
});

export const endpointParams = z.object({ endpoint_id: Snowflake });
export const deliveryParams = z.object({ delivery_id: Snowflake });
