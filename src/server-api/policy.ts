import { normalizeRoom, RoomName, roomKind } from "../../protocol/rooms.ts";
import { type Caller, coversRoom, type ServiceCaller } from "../platform/caller.ts";
import { AppError, invalidField } from "../platform/errors.ts";
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

/** Types that only the server sends. */
const RESERVED_PREFIXES = ["system:", "room:"];
/** Types that chat sends in channels and to users: a false one would break clients. They receive the room `all` by the same socket. */
const CHAT_PREFIXES = ["message:", "member:", "channel:", "read:", "typing:"];
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
  const reserved = CHAT_ROOM_KINDS.includes(roomKind(room))
    ? [...RESERVED_PREFIXES, ...CHAT_PREFIXES]
    : RESERVED_PREFIXES;
  const prefix = reserved.find((start) => type.startsWith(start));
  if (prefix !== undefined)
    throw namedFieldError("/event_type", "reserved", `must not begin with ${prefix}, which only the server sends here`);
}

/** The error for one field. Its name is also in the sentence, which is all that many services log of an error. */
export function namedFieldError(pointer: string, code: string, message: string): AppError {
  return invalidField(pointer, code, message, `${pointer.slice(1)} ${message}.`);
}
