import { z } from "zod";
import { RoomName, UserId } from "../../../protocol/rooms.ts";
import { getAuditActor } from "../../platform/audit.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { AdminDeps } from "../deps.ts";
import { openTrace } from "../traces.ts";

const traceRoute = route({
  method: "get",
  path: "/api/v1/admin/traces",
  summary: "Traces the frames of one person or room, in and out, on all nodes; each use is in the audit log",
  tag: "admin",
  auth: "admin",
  request: {
    query: z.strictObject({
      room: RoomName.optional(),
      user_id: UserId.optional(),
      seconds: z.coerce.number().int().min(1).max(300).default(60),
    }),
  },
  responses: {
    200: {
      description:
        "Server-sent events: each `data` is a JSON document of a frame with `at`, `node`, `direction`, `connection_id`, `user_id`, `room`, " +
        "`seq`, `type`, `bytes`, `connections` and the first 1,000 characters of its `text`, without secrets. `event: left-out`: the number of frames that were skipped because there were too many.",
      contentType: "text/event-stream",
      schema: z.string(),
    },
  },
  errors: ["forbidden"],
});

export function addTraceRoute(api: Api, deps: Pick<AdminDeps, "transaction" | "realtime">): void {
  api.openapi(traceRoute, async (c) => {
    const { room, user_id: userId, seconds } = c.req.valid("query");
    if ((room === undefined) === (userId === undefined)) throw new AppError("invalid", "Give either room or user_id.");
    const body = await openTrace(deps, getAuditActor(c), room === undefined ? { userId } : { room }, seconds);
    c.env?.setIdleTimeout?.(0);
    const headers = {
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    };
    return new Response(body, { headers }) as never;
  });
}
