import { z } from "zod";
import {
  Channel,
  ChannelName,
  ChannelTopic,
  ChannelType,
  ClientId,
  Member,
  Message,
  MessageContent,
  Position,
  page,
  Role,
} from "../../protocol/objects.ts";
import { Id, Snowflake } from "../../protocol/rooms.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { Api } from "../platform/http/api.ts";
import { ListQuery, linkHeader, StreamQuery } from "../platform/http/paging.ts";
import { route } from "../platform/http/route.ts";
import type { Chat } from "./index.ts";
import { LIMITS } from "./limits.ts";

const channelParams = z.object({ channel_id: Snowflake });
const memberParams = z.object({
  channel_id: Snowflake,
  user_id: Id.meta({ description: "A user's id, or `me`." }),
});
const messageParams = z.object({ message_id: Snowflake });
const Search = z
  .string()
  .min(1)
  .max(80)
  .refine((text) => !text.includes("\0"), "must not contain a NUL character");
const linked = { Link: "The next and the previous page (RFC 8288)." };
const located = { Location: "Where it is." };

const listChannels = route({
  method: "get",
  path: "/api/v1/channels",
  summary: "Lists the caller's channels, or the public ones",
  tag: "channels",
  auth: "user",
  request: {
    query: ListQuery.extend({
      scope: z.enum(["joined", "public"]).default("joined"),
      type: ChannelType.optional(),
      q: Search.optional().meta({ description: "Part of the name, or of the other person's name of a direct chat." }),
    }),
  },
  responses: {
    200: {
      description: "A page of channels. `position` is the caller's own room at that moment: resume from it.",
      schema: page(Channel).extend({ position: Position }),
      headers: linked,
    },
  },
});

const createChannel = route({
  method: "post",
  path: "/api/v1/channels",
  summary: "Makes a channel, or finds the direct chat with somebody",
  tag: "channels",
  auth: "user",
  request: {
    body: z.strictObject({
      type: ChannelType,
      name: ChannelName.optional().meta({ description: "Needed but for a direct chat, which has none." }),
      topic: ChannelTopic.optional(),
      member_ids: z.array(Id).max(LIMITS.firstMembers).optional(),
    }),
  },
  responses: {
    201: { description: "Made; the caller owns it.", schema: Channel, headers: located },
    200: { description: "The direct chat that these two have already.", schema: Channel },
  },
  errors: ["name_taken", "full"],
});

const getChannel = route({
  method: "get",
  path: "/api/v1/channels/{channel_id}",
  summary: "Reads a channel",
  tag: "channels",
  auth: "user",
  request: { params: channelParams },
  responses: { 200: { description: "The channel.", schema: Channel } },
});

const updateChannel = route({
  method: "patch",
  path: "/api/v1/channels/{channel_id}",
  summary: "Renames a channel or changes its topic",
  tag: "channels",
  auth: "user",
  request: {
    params: channelParams,
    body: z.strictObject({ name: ChannelName.optional(), topic: ChannelTopic.nullable().optional() }),
  },
  responses: { 200: { description: "The channel as it is now.", schema: Channel } },
  errors: ["forbidden", "direct_immutable", "name_taken"],
});

const deleteChannel = route({
  method: "delete",
  path: "/api/v1/channels/{channel_id}",
  summary: "Ends a channel for everybody",
  tag: "channels",
  auth: "user",
  request: { params: channelParams },
  responses: { 204: { description: "It is gone." } },
  errors: ["forbidden", "direct_immutable"],
});

const listMembers = route({
  method: "get",
  path: "/api/v1/channels/{channel_id}/members",
  summary: "Lists who is in a channel",
  tag: "members",
  auth: "user",
  request: { params: channelParams, query: ListQuery.extend({ role: Role.optional(), q: Search.optional() }) },
  responses: { 200: { description: "A page of members.", schema: page(Member), headers: linked } },
  errors: ["forbidden"],
});

const addMember = route({
  method: "put",
  path: "/api/v1/channels/{channel_id}/members/{user_id}",
  summary: "Joins a public channel, or brings somebody in",
  tag: "members",
  auth: "user",
  request: { params: memberParams, body: z.strictObject({ role: Role.default("member") }) },
  responses: {
    201: { description: "In.", schema: Member, headers: located },
    204: { description: "Was in already." },
  },
  errors: ["forbidden", "direct_immutable", "full"],
});

const updateMember = route({
  method: "patch",
  path: "/api/v1/channels/{channel_id}/members/{user_id}",
  summary: "Gives a member another role",
  tag: "members",
  auth: "user",
  request: { params: memberParams, body: z.strictObject({ role: Role }) },
  responses: { 200: { description: "The member as he is now.", schema: Member } },
  errors: ["forbidden", "direct_immutable", "last_owner"],
});

const removeMember = route({
  method: "delete",
  path: "/api/v1/channels/{channel_id}/members/{user_id}",
  summary: "Leaves a channel, or removes somebody",
  tag: "members",
  auth: "user",
  request: { params: memberParams },
  responses: { 204: { description: "Is not in it." } },
  errors: ["forbidden", "direct_immutable", "last_owner"],
});

const listMessages = route({
  method: "get",
  path: "/api/v1/channels/{channel_id}/messages",
  summary: "Reads what was said, oldest first; the newest page when no place is given",
  tag: "messages",
  auth: "user",
  request: { params: channelParams, query: StreamQuery },
  responses: {
    200: {
      description:
        "A page of messages, deleted ones without text. Resume from `head_seq` and `epoch` for what comes later.",
      schema: page(Message).extend({ head_seq: Position.shape.seq, epoch: Position.shape.epoch }),
      headers: linked,
    },
  },
  errors: ["forbidden", "anchor_not_found"],
});

const sendMessage = route({
  method: "post",
  path: "/api/v1/channels/{channel_id}/messages",
  summary: "Says something",
  tag: "messages",
  auth: "user",
  request: {
    params: channelParams,
    body: z.strictObject({
      content: MessageContent,
      client_id: ClientId.optional().meta({ description: "The same one again is the same message." }),
      reply_to_id: Snowflake.nullish(),
    }),
  },
  responses: {
    201: { description: "Said.", schema: Message, headers: located },
    200: { description: "Was said before, with this client_id.", schema: Message },
  },
  errors: ["forbidden"],
});

const getMessage = route({
  method: "get",
  path: "/api/v1/messages/{message_id}",
  summary: "Reads a message",
  tag: "messages",
  auth: "user",
  request: { params: messageParams },
  responses: { 200: { description: "The message.", schema: Message } },
  errors: ["forbidden"],
});

const editMessage = route({
  method: "patch",
  path: "/api/v1/messages/{message_id}",
  summary: "Changes the text of one's own message",
  tag: "messages",
  auth: "user",
  request: { params: messageParams, body: z.strictObject({ content: MessageContent }) },
  responses: { 200: { description: "The message as it is now.", schema: Message } },
  errors: ["forbidden", "conflict"],
});

const deleteMessage = route({
  method: "delete",
  path: "/api/v1/messages/{message_id}",
  summary: "Takes a message's text away",
  tag: "messages",
  auth: "user",
  request: { params: messageParams },
  responses: { 204: { description: "It is gone; its place stays." } },
  errors: ["forbidden"],
});

const listReplies = route({
  method: "get",
  path: "/api/v1/messages/{message_id}/replies",
  summary: "Reads what was said in answer to a message",
  tag: "messages",
  auth: "user",
  request: { params: messageParams, query: ListQuery },
  responses: { 200: { description: "A page of messages.", schema: page(Message), headers: linked } },
  errors: ["forbidden"],
});

const markRead = route({
  method: "put",
  path: "/api/v1/channels/{channel_id}/read-mark",
  summary: "Marks a channel read up to a message",
  tag: "read marks",
  auth: "user",
  request: { params: channelParams, body: z.strictObject({ message_id: Snowflake }) },
  responses: {
    200: {
      description: "The mark, which never moves back, and what is unread behind it (100 means 99+).",
      schema: z.object({ last_read_id: Snowflake.nullable(), unread: z.number().int() }),
    },
  },
  errors: ["forbidden"],
});

const unreadCounts = route({
  method: "get",
  path: "/api/v1/unread-counts",
  summary: "Counts what the caller has not read",
  tag: "read marks",
  auth: "user",
  responses: {
    200: {
      description: "The channels with something unread (100 means 99+). Channels that are not named have nothing.",
      schema: z.object({
        channels: z.array(z.object({ channel_id: Snowflake, unread: z.number().int() })),
        total: z.number().int(),
      }),
    },
  },
});

/** Chat's REST door: reads the request, calls the use case, answers. */
export function registerRoutes(api: Api, chat: Omit<Chat, "routes">): void {
  const { channels, members, messages, readMarks } = chat;

  api.openapi(listChannels, async (c) => {
    const list = await channels.list(c.get("caller"), c.req.valid("query"));
    return c.json(list, 200, link(c.req.url, list));
  });

  api.openapi(createChannel, async (c) => {
    const { channel, created } = await channels.create(c.get("caller"), c.req.valid("json"));
    if (!created) return c.json(channel, 200);
    return c.json(channel, 201, { Location: `/api/v1/channels/${channel.id}` });
  });

  api.openapi(getChannel, async (c) =>
    c.json(await channels.get(c.get("caller"), c.req.valid("param").channel_id), 200),
  );

  api.openapi(updateChannel, async (c) =>
    c.json(await channels.update(c.get("caller"), c.req.valid("param").channel_id, c.req.valid("json")), 200),
  );

  api.openapi(deleteChannel, async (c) => {
    await channels.delete(c.get("caller"), c.req.valid("param").channel_id);
    return c.body(null, 204);
  });

  api.openapi(listMembers, async (c) => {
    const list = await members.list(c.get("caller"), c.req.valid("param").channel_id, c.req.valid("query"));
    return c.json(list, 200, link(c.req.url, list));
  });

  api.openapi(addMember, async (c) => {
    const caller = c.get("caller");
    const { channel_id, user_id } = c.req.valid("param");
    const { member, created } = await members.add(caller, channel_id, idOf(user_id, caller), c.req.valid("json").role);
    if (!created) return c.body(null, 204);
    return c.json(member, 201, { Location: `/api/v1/channels/${channel_id}/members/${member.user.id}` });
  });

  api.openapi(updateMember, async (c) => {
    const caller = c.get("caller");
    const { channel_id, user_id } = c.req.valid("param");
    return c.json(await members.setRole(caller, channel_id, idOf(user_id, caller), c.req.valid("json").role), 200);
  });

  api.openapi(removeMember, async (c) => {
    const caller = c.get("caller");
    const { channel_id, user_id } = c.req.valid("param");
    await members.remove(caller, channel_id, idOf(user_id, caller));
    return c.body(null, 204);
  });

  api.openapi(listMessages, async (c) => {
    const list = await messages.page(c.get("caller"), c.req.valid("param").channel_id, c.req.valid("query"));
    return c.json(list, 200, link(c.req.url, list));
  });

  api.openapi(sendMessage, async (c) => {
    const input = { channel_id: c.req.valid("param").channel_id, ...c.req.valid("json") };
    const { message, created } = await messages.send(c.get("caller"), input);
    if (!created) return c.json(message, 200);
    return c.json(message, 201, { Location: `/api/v1/messages/${message.id}` });
  });

  api.openapi(getMessage, async (c) =>
    c.json(await messages.get(c.get("caller"), c.req.valid("param").message_id), 200),
  );

  api.openapi(editMessage, async (c) => {
    const { content } = c.req.valid("json");
    return c.json(await messages.edit(c.get("caller"), c.req.valid("param").message_id, content), 200);
  });

  api.openapi(deleteMessage, async (c) => {
    await messages.delete(c.get("caller"), c.req.valid("param").message_id);
    return c.body(null, 204);
  });

  api.openapi(listReplies, async (c) => {
    const list = await messages.replies(c.get("caller"), c.req.valid("param").message_id, c.req.valid("query"));
    return c.json(list, 200, link(c.req.url, list));
  });

  api.openapi(markRead, async (c) => {
    const { message_id } = c.req.valid("json");
    return c.json(await readMarks.mark(c.get("caller"), c.req.valid("param").channel_id, message_id), 200);
  });

  api.openapi(unreadCounts, async (c) => c.json(await readMarks.counts(c.get("caller")), 200));
}

/** `me` stands for the caller. */
function idOf(userId: string, caller: UserCaller): string {
  return userId === "me" ? caller.userId : userId;
}

function link(url: string, list: { next: string | null; prev: string | null }): Record<string, string> {
  const header = linkHeader(url, list);
  return header === null ? {} : { Link: header };
}
