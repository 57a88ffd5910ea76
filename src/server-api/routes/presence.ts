import { z } from "zod";
import { PresentMember } from "../../../protocol/frames.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { Realtime } from "../../realtime/index.ts";
import { parseRoom } from "../policy.ts";
import { RoomParam } from "./schemas.ts";

const presenceRoute = route({
  method: "get",
  path: "/api/v1/rooms/{room}/presence",
  summary: "Lists the members present in a room, for callers who may join it",
  tag: "services",
  auth: { scope: "presence", orUser: true },
  request: { params: RoomParam },
  responses: {
    200: {
      description: "Users with a connection in the room, on all nodes; each once. Only channels have such a list.",
      schema: z.object({
        count: z.number().int(),
        members: z.array(PresentMember).optional().meta({ description: "Omitted when there are more than 200." }),
      }),
    },
  },
  errors: ["forbidden", "invalid"],
});

export function addPresenceRoute(api: Api, realtime: Pick<Realtime, "presence">): void {
  api.openapi(presenceRoute, async (c) => {
    const { count, members } = await realtime.presence(c.get("caller"), parseRoom(c.req.valid("param").room));
    return c.json({ count, members }, 200);
  });
}
