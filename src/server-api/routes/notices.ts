import { z } from "zod";
import { UserId } from "../../../protocol/rooms.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { ServerApi } from "../index.ts";
import { EventType, extractPayload, Payload } from "./schemas.ts";

const noticeRoute = route({
  method: "post",
  path: "/api/v1/users/{user_id}/notices",
  summary: "Sends a notice to one person, on all devices, now or when they come back",
  tag: "services",
  auth: { scope: "notify" },
  request: {
    params: z.object({ user_id: UserId }),
    body: z.object({
      event_type: EventType,
      payload: Payload.meta({
        description:
          "The payloads of `booking:*` and `payment:*` are checked and completed; what is not known may be omitted or null.",
      }),
      require_ack: z.boolean().default(false).meta({
        description:
          "The payload gets an `ack_id`, and the response waits up to 5 s for a client to send it back in `system:ack`.",
      }),
      ephemeral: z.boolean().default(false).meta({
        description: "Only for connected clients. Without it the notice is stored, and reaches the person once.",
      }),
    }),
  },
  responses: {
    200: {
      description: "The result.",
      schema: z.object({
        delivered: z.boolean().meta({ description: "At least one connection of the person received it now." }),
        connections_notified: z.number().int(),
        acked: z.boolean(),
        stored: z.boolean(),
        partial: z.boolean().meta({ description: "Some node did not respond in time: the count may be too low." }),
      }),
    },
  },
});

export function addNoticeRoutes(api: Api, { notices }: Pick<ServerApi, "notices">): void {
  api.openapi(noticeRoute, async (c) => {
    const { event_type, payload: value, require_ack, ephemeral } = c.req.valid("json");
    const payload = extractPayload(c.get("bodyText"), value);
    const { user_id } = c.req.valid("param");
    const options = { ephemeral, requireAck: require_ack, attempt: c.get("attempt") };
    const { connections, ...rest } = await notices.send(c.get("caller"), { user_id, event_type, payload }, options);
    return c.json({ ...rest, connections_notified: connections }, 200);
  });
}
