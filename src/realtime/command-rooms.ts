import { COMMANDS, type CommandPayload, type CommandType } from "../../protocol/frames.ts";
import { normalizeRoom } from "../../protocol/rooms.ts";
import { AppError } from "../platform/errors.ts";

type RoomsOf = { [T in CommandType]: (payload: CommandPayload<T>) => readonly string[] };

const none = () => [];
const ofChannel = ({ channel_id }: { channel_id: string }) => [`channel:${channel_id}`];
const named = (payload: { room?: string; event_id?: string }) => {
  const room = fullName(payload);
  return room === null ? [] : [room];
};

/** The rooms that each command names. A message's id names no room: which channel it is in is known to chat alone. */
const ROOMS_OF: RoomsOf = {
  "system:ping": none,
  "system:auth": none,
  "system:ack": none,
  "system:resume": ({ rooms }) => Object.keys(rooms).filter((room) => normalizeRoom(room) === room),
  "room:join": named,
  "room:leave": named,
  "message:send": ofChannel,
  "message:edit": none,
  "message:delete": none,
  "read:mark": ofChannel,
  "typing:start": ofChannel,
  "typing:stop": ofChannel,
};

/** The rooms that a command is about, by their full names, as its handler will take them; none when it is not valid. */
export function roomsOfCommand(type: string, payload: unknown): readonly string[] {
  if (!Object.hasOwn(COMMANDS, type)) return [];
  const known = type as CommandType;
  const parsed = COMMANDS[known].safeParse(payload);
  return parsed.success ? (ROOMS_OF[known] as (payload: unknown) => readonly string[])(parsed.data) : [];
}

/** The room that a join or leave names, by its full name. Throws `missing_event_id`, `invalid`. */
export function roomOf(payload: { room?: string; event_id?: string }): string {
  if (payload.room === undefined && payload.event_id === undefined) throw new AppError("missing_event_id");
  const room = fullName(payload);
  if (room === null) throw new AppError("invalid", "payload.room: a room such as event:123");
  return room;
}

function fullName({ room, event_id }: { room?: string; event_id?: string }): string | null {
  const name = room ?? (event_id === undefined ? undefined : `event:${event_id}`);
  return name === undefined ? null : normalizeRoom(name);
}
