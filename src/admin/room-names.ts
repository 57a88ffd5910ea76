import { roomId, roomKind } from "../../protocol/rooms.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { AdminDeps } from "./deps.ts";

/** The display name of a room. `kind` of a channel is its type; of `user:<id>` it is `person`. */
export interface NamedRoom {
  room: string;
  /** Null: a direct chat. */
  name: string | null;
  kind: "public" | "private" | "direct" | "person";
}

/** Names of those rooms that are a channel or a person's own, as far as the caller may see them; the others are omitted. */
export async function listRoomNames(
  { roomNames }: Pick<AdminDeps, "roomNames">,
  caller: UserCaller,
  rooms: readonly string[],
): Promise<NamedRoom[]> {
  const getIds = (kind: string) => rooms.filter((room) => roomKind(room) === kind).map(roomId);
  const [channels, users] = await Promise.all([
    roomNames.channels(caller, getIds("channel")),
    roomNames.users(getIds("user")),
  ]);
  return [
    ...channels.map(({ id, name, type }) => ({ room: `channel:${id}`, name, kind: type })),
    ...[...users.values()].map(({ id, username }) => ({
      room: `user:${id}`,
      name: username,
      kind: "person" as const,
    })),
  ];
}
