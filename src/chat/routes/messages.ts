import { createHash } from "node:crypto";
import { z } from "zod";
import { ClientId, Message, MessageContent, Position, page } from "../../../protocol/objects.ts";
import { Snowflake } from "../../../protocol/rooms.ts";
import type { Api } from "../../platform/http/api.ts";
import { computeEtag, etagHeader } from "../../platform/http/etag.ts";
import { buildLinkHeader, CursorQuery, ListQuery, linkHeader } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import { editableMessageFields, type Messages } from "../messages.ts";
import type { SendMessage } from "../posting.ts";
import { channelParams, locationHeader } from "./schemas.ts";

const messageParams = z.object({ message_id: Snowflake });

const after = CursorQuery.shape.after.meta({
  description: "Messages after this one, in the order of `seq`; `0` for the first page.",
});

export const MessagePage = page(Message).extend({ head_seq: Position.shape.seq, epoch: Position.shape.epoch });

const listMessages = route({
  method: "get",
  path: "/api/v1/channels/{channel_id}/messages",
  summary: "Lists messages, oldest first; the newest page when no cursor is given",
  tag: "messages",
  auth: "user",
  request: { params: channelParams, query: CursorQuery.extend({ after }) },
  responses: {
    200: {
      description:
        "A page of messages, deleted ones without text. Resume from `head_seq` and `epoch` for what comes later.",
      schema: MessagePage,
      headers: linkHeader,
    },
  },
  errors: ["forbidden", "anchor_not_found"],
});

const sendMessage = route({
  method: "post",
  path: "/api/v1/channels/{channel_id}/messages",
  summary: "Sends a message",
  tag: "messages",
  auth: "user",
  request: {
    params: channelParams,
    body: z.strictObject({
      content: MessageContent,
      client_id: ClientId.optional().meta({ description: "A repeated one is the same message." }),
      reply_to_id: Snowflake.nullish(),
    }),
  },
  responses: {
    201: { description: "Sent.", schema: Message, headers: locationHeader },
    200: { description: "Was sent before, with this client_id.", schema: Message },
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
  responses: { 200: { description: "The message.", schema: Message, headers: etagHeader } },
  errors: ["forbidden"],
});

const editMessage = route({
  method: "patch",
  path: "/api/v1/messages/{message_id}",
  summary: "Changes the text of one's own message",
  tag: "messages",
  auth: "user",
  request: { params: messageParams, body: z.strictObject({ content: MessageContent }) },
  responses: { 200: { description: "The message as it is now.", schema: Message, headers: etagHeader } },
  ifMatch: true,
  errors: ["forbidden", "conflict"],
});

const deleteMessage = route({
  method: "delete",
  path: "/api/v1/messages/{message_id}",
  summary: "Deletes a message's text",
  tag: "messages",
  auth: "user",
  request: { params: messageParams },
  responses: { 204: { description: "Deleted; its `seq` stays." } },
  errors: ["forbidden"],
});

const listReplies = route({
  method: "get",
  path: "/api/v1/messages/{message_id}/replies",
  summary: "Lists the replies to a message",
  tag: "messages",
  auth: "user",
  request: { params: messageParams, query: ListQuery.extend({ after }) },
  responses: { 200: { description: "A page of messages.", schema: page(Message), headers: linkHeader } },
  errors: ["forbidden", "anchor_not_found"],
});

/** A `client_id` for a message with an Idempotency-Key instead: a repeated one is one message, also when the key was lost. */
function deriveClientId(key: string, body: object): string {
  return `key-${createHash("sha256")
    .update(JSON.stringify([key, body]))
    .digest("base64url")}`;
}

export function addMessageRoutes(api: Api, messages: Messages, send: SendMessage): void {
  api.openapi(listMessages, async (c) => {
    const list = await messages.page(c.get("caller"), c.req.valid("param").channel_id, c.req.valid("query"));
    return c.json(list, 200, buildLinkHeader(c.req.url, list));
  });

  api.openapi(sendMessage, async (c) => {
    const body = c.req.valid("json");
    const key = c.req.header("idempotency-key");
    const client_id = body.client_id ?? (key === undefined ? undefined : deriveClientId(key, body));
    const input = { channel_id: c.req.valid("param").channel_id, ...body, client_id };
    const { message, created } = await send(c.get("caller"), input);
    if (!created) return c.json(message, 200);
    return c.json(message, 201, { Location: `/api/v1/messages/${message.id}` });
  });

  api.openapi(getMessage, async (c) => {
    const message = await messages.get(c.get("caller"), c.req.valid("param").message_id);
    return c.json(message, 200, { ETag: computeEtag(editableMessageFields(message)) });
  });

  api.openapi(editMessage, async (c) => {
    const { message_id } = c.req.valid("param");
    const { content } = c.req.valid("json");
    const message = await messages.edit(c.get("caller"), message_id, content, c.req.header("if-match"));
    return c.json(message, 200, { ETag: computeEtag(editableMessageFields(message)) });
  });

  api.openapi(deleteMessage, async (c) => {
    await messages.delete(c.get("caller"), c.req.valid("param").message_id);
    return c.body(null, 204);
  });

  api.openapi(listReplies, async (c) => {
    const list = await messages.replies(c.get("caller"), c.req.valid("param").message_id, c.req.valid("query"));
    return c.json(list, 200, buildLinkHeader(c.req.url, list));
  });
}
