import { z } from "zod";
import { normalizeRoom, ROOM_MAX } from "../../../protocol/rooms.ts";
import { patternText, text } from "../../../protocol/text.ts";
import { type JsonObject, parseJsonObject, toJsonObject } from "../../platform/json-object.ts";
import { getMemberText } from "../../platform/json-text.ts";
import { EVENT_TYPE, namedFieldError } from "../policy.ts";

export const EventType = patternText(64, EVENT_TYPE, "a type such as booking:confirmed").meta({
  description: "`booking:confirmed`, `payment:success` …, or a type of your own; not `system:` or `room:`.",
});

/** Any JSON object: its content is checked by its type, later. It is passed on as text, as it was written. */
export const Payload = z.record(z.string(), z.unknown());

/** The payload in a body that has been read and checked, as it was written. */
export function extractPayload(body: string, payload: Record<string, unknown>): JsonObject {
  // Most clients write it as we would: comparing is faster than parsing the body again.
  const plain = toJsonObject(payload);
  if (body.includes(`"payload":${plain.text}`)) return plain;
  const original = parseJsonObject(getMemberText(body, "payload")!);
  if (typeof original === "string") throw namedFieldError("/payload", "invalid", original);
  return original;
}

/** As written in a path. */
export const RoomParam = z.object({
  room: text(ROOM_MAX)
    .refine((name) => normalizeRoom(name) !== null, "a room such as event:123")
    .meta({ description: "`event:1`; a name without a kind means `event:<name>`." }),
});
