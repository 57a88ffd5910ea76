import { z } from "zod";
import { normalizeRoom } from "../../../protocol/rooms.ts";
import { EVENT_TYPE } from "../policy.ts";

export const EventType = z
  .string()
  .max(64)
  .regex(EVENT_TYPE, "a type such as booking:confirmed")
  .meta({ description: "`booking:confirmed`, `payment:success` …, or a type of your own; not `system:` or `room:`." });

/** Any JSON object: what is in it is checked by its type, further inside. */
export const Payload = z.record(z.string(), z.unknown());

/** As it stands in a path. */
export const RoomParam = z.object({
  room: z
    .string()
    .max(80)
    .refine((name) => normalizeRoom(name) !== null, "a room such as event:123")
    .meta({ description: "`event:1`; a name without a kind means `event:<name>`." }),
});
