import { z } from "zod";
import { Channel, ChannelName, ChannelTopic, ChannelType, Position, page } from "../../../protocol/objects.ts";
import { UserId } from "../../../protocol/rooms.ts";
import type { Api } from "../../platform/http/api.ts";
import { computeEtag, etagHeader } from "../../platform/http/etag.ts";
import { buildLinkHeader, ListQuery, linkHeader } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import { type Channels, editableChannelFields } from "../channels.ts";
import { LIMITS } from "../limits.ts";
import { channelParams, locationHeader, Search } from "./schemas.ts";

export const ChannelPage = page(Channel).extend({ position: Position });

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
      schema: ChannelPage,
      headers: linkHeader,
    },
  },
});

const createChannel = route({
  method: "post",
  path: "/api/v1/channels",
  summary: "Creates a channel, or finds the direct chat with another person",
  tag: "channels",
  auth: "user",
  request: {
    body: z.strictObject({
      type: ChannelType,
      name: ChannelName.optional().meta({ description: "Required, except for a direct chat, which has none." }),
      topic: ChannelTopic.optional(),
      member_ids: z.array(UserId).max(LIMITS.initialMembers).optional(),
    }),
  },
  responses: {
    201: { description: "Created; the caller owns it.", schema: Channel, headers: locationHeader },
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
  responses: { 200: { description: "The channel.", schema: Channel, headers: etagHeader } },
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
  responses: { 200: { description: "The channel as it is now.", schema: Channel, headers: etagHeader } },
  ifMatch: true,
  errors: ["forbidden", "direct_immutable", "name_taken"],
});

const deleteChannel = route({
  method: "delete",
  path: "/api/v1/channels/{channel_id}",
  summary: "Deletes a channel",
  tag: "channels",
  auth: "user",
  request: { params: channelParams },
  responses: { 204: { description: "Deleted." } },
  errors: ["forbidden", "direct_immutable"],
});

export function addChannelRoutes(api: Api, channels: Channels): void {
  api.openapi(listChannels, async (c) => {
    const list = await channels.list(c.get("caller"), c.req.valid("query"));
    return c.json(list, 200, buildLinkHeader(c.req.url, list));
  });

  api.openapi(createChannel, async (c) => {
    const { channel, created } = await channels.create(c.get("caller"), c.req.valid("json"));
    if (!created) return c.json(channel, 200);
    return c.json(channel, 201, { Location: `/api/v1/channels/${channel.id}` });
  });

  api.openapi(getChannel, async (c) => {
    const channel = await channels.get(c.get("caller"), c.req.valid("param").channel_id);
    return c.json(channel, 200, { ETag: computeEtag(editableChannelFields(channel)) });
  });

  api.openapi(updateChannel, async (c) => {
    const { channel_id } = c.req.valid("param");
    const channel = await channels.update(c.get("caller"), channel_id, c.req.valid("json"), c.req.header("if-match"));
    return c.json(channel, 200, { ETag: computeEtag(editableChannelFields(channel)) });
  });

  api.openapi(deleteChannel, async (c) => {
    await channels.delete(c.get("caller"), c.req.valid("param").channel_id);
    return c.body(null, 204);
  });
}
