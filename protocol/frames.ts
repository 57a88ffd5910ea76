import { z } from "zod";
import { NOTICES } from "./notices.ts";
import { Channel, ClientId, Member, Message, MessageContent, Position, Time } from "./objects.ts";
import { Id, ROOM_MAX, RoomName, Snowflake, UserId } from "./rooms.ts";

/**
 * The frames on a WebSocket: one JSON document each, `{type, payload}`, optionally `id`, `room`, `seq`, `epoch`.
 * The rules of their order and loss are in SPEC.md, by number. Unknown keys are ignored everywhere.
 */

/** Any frame of a client, before its type is checked. `id` is the command's own number: exactly one response carries it back. */
export const Envelope = z.object({
  type: z.string().min(1).max(64),
  id: z.union([z.number().int(), z.string().max(64)]).optional(),
  payload: z.unknown().optional(),
  /** The trace of the command, by W3C Trace Context. One that cannot be read is ignored. */
  traceparent: z.string().max(64).optional().catch(undefined),
});
export type CommandId = number | string;

const roomOrEvent = { room: z.string().max(ROOM_MAX).optional(), event_id: Id.optional() };
/** Whether the client wants the room's presence, now and as it changes. */
const WithPresence = { presence: z.boolean().optional() };
const Since = { since: z.number().int().min(0).optional(), epoch: z.string().max(32).optional() };

/** Commands: client → server. */
export const COMMANDS = {
  "system:ping": z.looseObject({}).optional(),
  "system:auth": z.object({ token: z.string().min(1).max(8192) }),
  /** Acknowledges a frame with this `ack_id` in its payload. */
  "system:ack": z.object({ ack_id: z.string().min(1).max(128) }),
  "system:resume": z.object({ rooms: z.record(z.string().max(ROOM_MAX), Position.extend(WithPresence)) }),
  "room:join": z.object({ ...roomOrEvent, ...Since, ...WithPresence }),
  "room:leave": z.object(roomOrEvent),
  "message:send": z.object({
    channel_id: Snowflake,
    content: MessageContent,
    client_id: ClientId.optional(),
    reply_to_id: Snowflake.nullish(),
  }),
  "message:edit": z.object({ message_id: Snowflake, content: MessageContent }),
  "message:delete": z.object({ message_id: Snowflake }),
  "read:mark": z.object({ channel_id: Snowflake, message_id: Snowflake }),
  "typing:start": z.object({ channel_id: Snowflake }),
  "typing:stop": z.object({ channel_id: Snowflake }),
} as const;
export type CommandType = keyof typeof COMMANDS;
export type CommandPayload<T extends CommandType> = z.infer<(typeof COMMANDS)[T]>;

export const MessagePayload = Message.omit({ id: true, seq: true }).extend({ message_id: Snowflake });
export type MessagePayload = z.infer<typeof MessagePayload>;
/** A user who is in a room now. */
export const PresentMember = z.object({ user_id: UserId, username: z.string() });
export type PresentMember = z.infer<typeof PresentMember>;
/** How many people are in a room now; who they are, unless there are more than 200. */
export const Presence = z.object({ room: RoomName, count: z.number(), members: z.array(PresentMember).optional() });
export type Presence = z.infer<typeof Presence>;
/** Those who joined, or left, since the previous frame; `count`: how many are in the room now. */
const PresenceChange = z.object({ room: RoomName, count: z.number(), members: z.array(PresentMember) });
const Recovery = z.object({ recovered: z.boolean(), code: z.string().optional() });

/**
 * Frames: server → client. `message:`, `channel:` and `member:` are entries of a room's log, with `room` and `seq`. `read:` and
 * `typing:` are not stored and have neither. `system:` and `room:` are replies to a command, with its `id`, or sent by the server itself.
 */
export const FRAMES = {
  "system:connected": z.object({
    connection_id: z.string(),
    server_time: Time,
    user_id: z.string().nullable(),
    /** ms between the server's pings, and the maximum bytes of a frame that it accepts. */
    ping_interval: z.number(),
    max_frame: z.number(),
    node: z.string(),
    epoch: z.string(),
  }),
  "system:pong": z.object({ server_time: Time }),
  "system:ack": z.record(z.string(), z.unknown()),
  "system:error": z.object({ code: z.string(), message: z.string(), retry: z.boolean() }),
  "system:bye": z.object({
    code: z.number(),
    reason: z.string(),
    reconnect: z.boolean(),
    /** Wait a random time between these two, in ms, before connecting again. */
    after: z.tuple([z.number(), z.number()]),
  }),
  "system:resumed": z.object({ rooms: z.record(z.string(), Position.extend(Recovery.shape)) }),
  "room:joined": Position.extend(Recovery.shape).extend({ room: RoomName, members: z.number() }),
  "room:left": z.object({ room: RoomName, code: z.string().optional() }),
  "room:presence": Presence,
  "room:member_joined": PresenceChange,
  "room:member_left": PresenceChange,
  "message:created": MessagePayload,
  "message:updated": MessagePayload,
  "message:deleted": z.object({
    message_id: Snowflake,
    channel_id: Snowflake,
    deleted_at: Time,
    /** The message's own `seq`, and who wrote it: enough to know whether it was unread. Missing in entries of release 0.1. */
    message_seq: z.number().optional(),
    author_id: UserId.optional(),
  }),
  "channel:updated": z.object({ channel_id: Snowflake, name: z.string().nullable(), topic: z.string().nullable() }),
  "channel:deleted": z.object({ channel_id: Snowflake }),
  "member:joined": Member.extend({ channel_id: Snowflake }),
  "member:updated": Member.extend({ channel_id: Snowflake }),
  "member:left": z.object({ channel_id: Snowflake, user_id: UserId }),
  /** In the person's own room: they are now in this channel, or no longer. */
  "channel:joined": Channel,
  "channel:left": z.object({ channel_id: Snowflake }),
  /** A mark of the person's own: `unread` as counted when the head of the channel's log was `last_seq`. */
  "read:marked": z.object({
    channel_id: Snowflake,
    last_read_id: Snowflake,
    last_read_seq: z.number(),
    unread: z.number(),
    last_seq: z.number(),
  }),
  "typing:started": z.object({ channel_id: Snowflake, user_id: UserId, username: z.string() }),
  "typing:stopped": z.object({ channel_id: Snowflake, user_id: UserId }),
  /** Notices and broadcasts of services; they may send types of their own, too. */
  ...NOTICES,
} as const;
export type FrameType = keyof typeof FRAMES;
export type FramePayload<T extends FrameType> = z.infer<(typeof FRAMES)[T]>;

/** A frame as a client receives it. */
export type Frame = {
  [T in FrameType]: {
    type: T;
    payload: FramePayload<T>;
    id?: CommandId;
    room?: string;
    seq?: number;
    epoch?: string;
  };
}[FrameType];
