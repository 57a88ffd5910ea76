import type { NamedRoom } from "../../../sdk/admin.ts";
import type { Rest } from "../../../sdk/rest.ts";
import { chunkNames } from "../chunk-names.ts";

/** The names of rooms, by room. A room without a name that the reader may know is not in it. */
export type RoomNames = Readonly<Record<string, NamedRoom>>;

/** Reads the names of the channels and people among the rooms; other rooms have no other name. */
export async function readRoomNames({ admin }: Pick<Rest, "admin">, rooms: readonly string[]): Promise<RoomNames> {
  const names: Record<string, NamedRoom> = {};
  for (const list of chunkNames(rooms.filter((room) => /^(channel|user):/.test(room)))) {
    const { data } = await admin.roomNames(list);
    for (const each of data) names[each.room] = each;
  }
  return names;
}

/** The display name of a room. */
export function roomTitle(room: string, named: NamedRoom | undefined): string {
  if (named?.kind === "person") return `${named.name} (personal)`;
  if (named?.kind === "direct") return "Direct chat";
  if (named) return `#${named.name}`;
  if (room === "all") return "Everyone";
  return room.startsWith("channel:") ? "Private channel" : room;
}

/** The page that shows more of a room. */
export function roomPath(room: string, named: NamedRoom | undefined): string {
  const id = room.slice(room.indexOf(":") + 1);
  if (named?.kind === "public") return `/channels/${id}`;
  if (named?.kind === "person") return `/admin/people?q=${encodeURIComponent(named.name ?? "")}`;
  return `/admin/connections?room=${encodeURIComponent(room)}`;
}
