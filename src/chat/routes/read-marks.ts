import { z } from "zod";
import { Position } from "../../../protocol/objects.ts";
import { Snowflake } from "../../../protocol/rooms.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { ReadMarks } from "../read-marks.ts";
import { channelParams } from "./schemas.ts";

export const ReadMark = z.object({
  last_read_id: Snowflake,
  last_read_seq: Position.shape.seq,
  unread: z.number().int(),
  last_seq: Position.shape.seq.meta({ description: "Head of the channel's log at which `unread` was counted." }),
});
export const UnreadCounts = z.object({
  channels: z.array(z.object({ channel_id: Snowflake, unread: z.number().int() })),
  total: z.number().int(),
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
      description:
        "The mark, which never moves to a message of a lower `seq`, and what is unread after it (100 means 99+).",
      schema: ReadMark,
    },
  },
  errors: ["forbidden"],
});

const unreadCounts = route({
  method: "get",
  path: "/api/v1/unread-counts",
  summary: "Counts the caller's unread messages",
  tag: "read marks",
  auth: "user",
  responses: {
    200: {
      description: "The channels with unread messages (100 means 99+). All other channels have none.",
      schema: UnreadCounts,
    },
  },
});

export function addReadMarkRoutes(api: Api, readMarks: ReadMarks): void {
  api.openapi(markRead, async (c) => {
    const { message_id } = c.req.valid("json");
    return c.json(await readMarks.mark(c.get("caller"), c.req.valid("param").channel_id, message_id), 200);
  });

  api.openapi(unreadCounts, async (c) => c.json(await readMarks.counts(c.get("caller")), 200));
}
