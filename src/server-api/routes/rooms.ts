import { z } from "zod";
import { Time } from "../../../protocol/objects.ts";
import { UserId } from "../../../protocol/rooms.ts";
import type { Api } from "../../platform/http/api.ts";
import { jsonResponse } from "../../platform/http/json-response.ts";
import { route } from "../../platform/http/route.ts";
import { withMember } from "../../platform/json-text.ts";
import type { ServerApi } from "../index.ts";
import { EventType, extractPayload, Payload, RoomParam } from "./schemas.ts";

const tag = "services";

const broadcastRoute = route({
  method: "post",
  path: "/api/v1/rooms/{room}/broadcasts",
  summary: "Sends a broadcast to all connections in a room",
  tag,
  auth: { scope: "broadcast" },
  request: {
    params: RoomParam,
    body: z.object({
      event_type: EventType,
      payload: Payload,
      exclude_user_id: UserId.optional().meta({ description: "This person does not get it; then it is not stored." }),
      ephemeral: z.boolean().default(false).meta({
        description: "Not stored in the room's log; nor is anything to the room `all`.",
      }),
    }),
  },
  responses: {
    200: {
      description: "Sent.",
      schema: z.object({
        recipients: z.number().int().meta({ description: "Connections in the room, on all nodes." }),
        partial: z.boolean().meta({ description: "Some node did not respond in time: the count may be too low." }),
      }),
    },
  },
});

const historyRoute = route({
  method: "get",
  path: "/api/v1/rooms/{room}/history",
  summary: "Reads the log of a room, by `seq`, for callers who may join it",
  tag,
  auth: { scope: "history", orUser: true },
  request: {
    params: RoomParam,
    query: z.object({
      after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).meta({
        description: "The last `seq` that you have. When what follows it is no longer stored, the response is 410.",
      }),
      limit: z.coerce.number().int().min(1).max(100).default(20),
    }),
  },
  responses: {
    200: {
      description: "Entries in the order of `seq`, without a gap. If the last one is below `head_seq`, there are more.",
      schema: z.object({
        data: z.array(
          z.object({ room: z.string(), seq: z.number().int(), type: z.string(), time: Time, payload: Payload }),
        ),
        head_seq: z.number().int(),
        epoch: z.string(),
      }),
    },
  },
  errors: ["past_retention", "not_found"],
});

export function addRoomRoutes(api: Api, { broadcasts, history }: Pick<ServerApi, "broadcasts" | "history">): void {
  api.openapi(broadcastRoute, async (c) => {
    const { room } = c.req.valid("param");
    const { payload, ...rest } = c.req.valid("json");
    const broadcast = { room, ...rest, payload: extractPayload(c.get("bodyText"), payload) };
    return c.json(await broadcasts.send(c.get("caller"), broadcast, c.get("attempt")), 200);
  });

  api.openapi(historyRoute, async (c) => {
    const { room } = c.req.valid("param");
    const { data, ...position } = await history(c.get("caller"), { room, ...c.req.valid("query") });
    const entries = data.map(({ payload, ...entry }) => withMember(entry, "payload", payload));
    return jsonResponse(withMember(position, "data", `[${entries.join()}]`));
  });
}
