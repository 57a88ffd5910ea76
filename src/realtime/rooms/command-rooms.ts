import { COMMANDS, type CommandPayload, type CommandType } from "../../../protocol/frames.ts";
import { normalizeRoom } from "../../../protocol/rooms.ts";
import { AppError } from "../../platform/errors.ts";

type CommandRooms = { [T in CommandType]: (payload: CommandPayload<T>) => readonly string[] };

const getNoRooms = () => [];
const getChannelRoom = ({ channel_id }: { channel_id: string }) => [`channel:${channel_id}`];
const getNamedRoom = (payload: { room?: string; event_id?: string }) => {
  const room = getFullName(payload);
  return room === null ? [] : [room];
};

/** The rooms that each command names. A message's id names no room: only chat knows the channel of a message. */
const COMMAND_ROOMS: CommandRooms = {
  "system:ping": getNoRooms,
  "system:auth": getNoRooms,
  "system:ack": getNoRooms,
  "system:resume": ({ rooms }) => Object.keys(rooms).filter((room) => normalizeRoom(room) === room),
  "room:join": getNamedRoom,
  "room:leave": getNamedRoom,
  "message:send": getChannelRoom,
  "message:edit": getNoRooms,
  "message:delete": getNoRooms,
  "read:mark": getChannelRoom,
  "typing:start": getChannelRoom,
  "typing:stop": getChannelRoom,
};

/** The rooms that a command is about, by their full names, as its handler will use them; none when it is not valid. */
export function getCommandRooms(type: string, payload: unknown): readonly string[] {
  if (!Object.hasOwn(COMMANDS, type)) return [];
  const known = type as CommandType;
  const parsed = COMMANDS[known].safeParse(payload);
  return parsed.success ? (COMMAND_ROOMS[known] as (payload: unknown) => readonly string[])(parsed.data) : [];
}

/** The room that a join or leave names, by its full name. Throws `missing_event_id`, `invalid`. */
export function parseRoom(payload: { room?: string; event_id?: string }): string {
  if (payload.room === undefined && payload.event_id === undefined) throw new AppError("missing_event_id");
  const room = getFullName(payload);
  if (room === null) throw new AppError("invalid", "payload.room: a room such as event:123");
  return room;
}

function getFullName({ room, event_id }: { room?: string; event_id?: string }): string | null {
  const name = room ?? (event_id === undefined ? undefined : `event:${event_id}`);
  return name === undefined ? null : normalizeRoom(name);
}
