import { FRAMES } from "../../protocol/frames.ts";
import { NOTICES, type NoticeType } from "../../protocol/notices.ts";
import { normalizeRoom, RoomName, roomKind } from "../../protocol/rooms.ts";
import { type Caller, coversRoom, type ServiceCaller } from "../platform/caller.ts";
import { AppError, invalidField, invalidFields } from "../platform/errors.ts";
import { refuseNul } from "../platform/http/nul.ts";
import { escapePointerPart } from "../platform/http/validation-error.ts";
import type { JsonObject } from "../platform/json-object.ts";
import type { Scope } from "../platform/scopes.ts";

/** Returns the calling service if its token has the scope and, if given, covers the room. Throws `unauthenticated`, `forbidden`. */
export function requireService(caller: Caller, scope: Scope, room?: string): ServiceCaller {
  if (caller.kind === "anonymous") throw new AppError("unauthenticated");
  if (caller.kind === "user")
    throw new AppError("forbidden", `This is for services: use a token with the scope ${scope}.`);
  if (!caller.scopes.includes(scope)) throw new AppError("forbidden", `This token does not have the scope ${scope}.`);
  if (room !== undefined && !coversRoom(caller.rooms, room))
    throw new AppError("forbidden", `This token is not for the room ${room}.`);
  return caller;
}

/** The full name of a room; throws `invalid`. */
export function parseRoom(name: string): string {
  const room = normalizeRoom(name);
  if (room !== null) return room;
  throw namedFieldError("/room", "invalid", "must be a room such as event:123");
}

/** `user:<id>`; throws `invalid` for what cannot be an id. The person need not have a row here. */
export function parseUserRoom(userId: string): string {
  const room = RoomName.safeParse(`user:${userId}`);
  if (room.success) return room.data;
  throw namedFieldError("/user_id", "invalid", "must be 1 to 64 letters, digits, or any of - _ . :");
}

/** Types that only the server sends, in any room. */
const RESERVED_PREFIXES = ["system:", "room:"];
/**
 * Of all types that are not notices, so those of chat are among them: it sends them in channels and to users, and a false one would
 * break clients. They receive the room `all` by the same socket.
 */
const FRAME_PREFIXES = [
  ...new Set(
    Object.keys(FRAMES)
      .filter((type) => !Object.hasOwn(NOTICES, type))
      .map((type) => type.slice(0, type.indexOf(":") + 1)),
  ),
];
const CHAT_ROOM_KINDS = ["channel", "user", "all"];

/** A service's own type goes into frames as it is, so it contains nothing that JSON would have to escape. */
export const EVENT_TYPE = /^[A-Za-z][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_.-]{1,64}){0,2}$/;

/** Throws `invalid` when only the server may send this type in that room. */
export function checkEventType(type: string, room: string): void {
  if (!EVENT_TYPE.test(type) || type.length > 64)
    throw namedFieldError(
      "/event_type",
      "invalid",
      "must be a type such as booking:confirmed, of at most 64 characters",
    );
  const reserved = CHAT_ROOM_KINDS.includes(roomKind(room)) ? FRAME_PREFIXES : RESERVED_PREFIXES;
  const prefix = reserved.find((start) => type.startsWith(start));
  if (prefix !== undefined)
    throw namedFieldError("/event_type", "reserved", `must not begin with ${prefix}, which only the server sends here`);
}

/** Maximum bytes of a payload: it goes to every connection in the room, and into the log. */
const PAYLOAD_MAX = 65_536;

/** Types that are checked, and passed on as received: a service may add fields to them. */
const PASS_THROUGH = new Set<string>([
  "ticket:availability",
  "ticket:reserved",
  "ticket:released",
] satisfies NoticeType[]);

/**
 * The payload as the frame will carry it, JSON text: as the service wrote it. Bookings, payments and queue positions are
 * checked against their shape and completed. Throws `invalid` with the fields, `too_large`.
 */
export function validatePayload(type: string, { text, value }: JsonObject): string {
  if (text.includes("\\u0000")) refuseNul("json", { payload: value });
  const shape = Object.hasOwn(NOTICES, type) ? NOTICES[type as NoticeType] : undefined;
  const outcome = shape?.safeParse(withoutNulls(value, type));
  if (outcome !== undefined && !outcome.success) {
    const errors = outcome.error.issues.map(({ path, code, message }) => ({
      pointer: `/payload${path.map((part) => escapePointerPart(String(part))).join("")}`,
      code,
      message,
    }));
    throw invalidFields(errors, `The payload is not one of ${type}.`);
  }
  const checked = outcome === undefined || PASS_THROUGH.has(type) ? text : JSON.stringify(outcome.data);
  if (Buffer.byteLength(checked) > PAYLOAD_MAX)
    throw new AppError("too_large", `A payload has at most ${PAYLOAD_MAX} bytes as JSON.`);
  return checked;
}

/** Languages whose objects have all fields write null for missing values. */
function withoutNulls(payload: Record<string, unknown>, type: string): Record<string, unknown> {
  if (!type.startsWith("booking:") && !type.startsWith("payment:")) return payload;
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== null));
}

/** The error for one field. Its name is also in the sentence, which is all that many services log of an error. */
export function namedFieldError(pointer: string, code: string, message: string): AppError {
  return invalidField(pointer, code, message, `${pointer.slice(1)} ${message}.`);
}
