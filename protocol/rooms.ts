import { patternText } from "./text.ts";

/** An id in requests and frames: opaque, at most 64 of letters, digits and `-_.:`. Our own are Snowflakes in decimal. */
export const Id = patternText(64, /^[A-Za-z0-9_.:-]+$/, "1 to 64 letters, digits, or any of - _ . :");

/** The id of a person: a Snowflake of ours, or the subject as a foreign issuer writes it (ADR 11), such as `auth0|5f7c` or an address. */
export const UserId = patternText(255, /^[\x21-\x7e]+$/, "1 to 255 characters of visible ASCII");

/** A Snowflake of ours, as decimal text (a positive 64-bit integer, too large for a JSON number). */
export const Snowflake = patternText(19, /^[1-9][0-9]*$/, "an id as given by this server").refine(
  (id) => id.length < 19 || id <= "9223372036854775807",
  "an id as given by this server",
);

/** The kinds of rooms; the prefix says which module decides who may join. */
export const ROOM_KINDS = ["event", "channel", "user", "feed", "queue", "all"] as const;
export type RoomKind = (typeof ROOM_KINDS)[number];

/** Maximum number of characters of a room's name. */
export const ROOM_MAX = 260;

/** `all`, or `<kind>:<id>`. A name without a known prefix means `event:<name>` (see `normalizeRoom`). */
export const RoomName = patternText(
  ROOM_MAX,
  /^(all|(event|channel|queue):[A-Za-z0-9_.:-]{1,64}|(user|feed):[\x21-\x7e]{1,255})$/,
  "a room such as event:123",
);

/** `"123"` → `"event:123"`; a name with a known prefix stays. Null when it is not a room name at all. */
export function normalizeRoom(name: string): string | null {
  const full = name === "all" || ROOM_KINDS.some((kind) => name.startsWith(`${kind}:`)) ? name : `event:${name}`;
  return RoomName.safeParse(full).success ? full : null;
}

export function roomKind(room: string): RoomKind {
  const colon = room.indexOf(":");
  return (colon < 0 ? room : room.slice(0, colon)) as RoomKind;
}

/** Names of a list, separated by commas. In a name a comma is written `%2C`, and a percent sign before these digits `%25`. */
export function parseNameList(list: string): string[] {
  return list.split(",").map((name) => name.replace(/%(?:2C|25)/gi, decodeURIComponent));
}

/** The list that `parseNameList` parses. */
export function formatNameList(names: readonly string[]): string {
  return names.map((name) => name.replace(/[%,]/g, encodeURIComponent)).join(",");
}

/** The part after the prefix; empty for `all`. */
export function roomId(room: string): string {
  return room.slice(room.indexOf(":") + 1);
}
