import { z } from "zod";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { ServerApi } from "../index.ts";

const count = z.number().int();

const statsRoute = route({
  method: "get",
  path: "/api/v1/connections/stats",
  summary: "Counts the connections of the whole cluster, or those in one room",
  tag: "services",
  auth: { scope: "stats" },
  request: { query: z.object({ room: z.string().min(1).max(80).optional() }) },
  responses: {
    200: {
      description: "Now.",
      schema: z.object({
        total: count,
        authenticated: count,
        anonymous: count,
        per_room: z.record(z.string(), count).meta({ description: "The 100 largest rooms that the token covers." }),
        uptime_seconds: count,
        sent: count.meta({ description: "Frames written to sockets since the nodes started." }),
        received: count,
        nodes: count,
        partial: z.boolean().meta({ description: "Some node did not respond in time: the counts may be too low." }),
      }),
    },
  },
});

export function addStatsRoute(api: Api, { stats }: Pick<ServerApi, "stats">): void {
  api.openapi(statsRoute, async (c) => c.json(await stats(c.get("caller"), c.req.valid("query").room), 200));
}
