import { z } from "zod";
import { Snowflake } from "../../../protocol/rooms.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { IdentityContext } from "../identity-context.ts";
import { endOtherSessions, endSession, listSessions } from "../sessions.ts";
import { Session } from "./schemas.ts";

const tag = "sessions";

const listRoute = route({
  method: "get",
  path: "/api/v1/auth/sessions",
  summary: "Lists one's own sign-ins, the last used first",
  tag,
  auth: "user",
  responses: { 200: { description: "All of them: there are never many.", schema: z.array(Session) } },
});

const endRoute = route({
  method: "delete",
  path: "/api/v1/auth/sessions/{session_id}",
  summary: "Ends one of one's own sign-ins; its sockets close at once",
  tag,
  auth: "user",
  request: { params: z.object({ session_id: Snowflake }) },
  responses: { 204: { description: "Ended." } },
});

const endOthersRoute = route({
  method: "delete",
  path: "/api/v1/auth/sessions",
  summary: "Ends all one's sign-ins but this one",
  tag,
  auth: "user",
  responses: { 204: { description: "Ended." } },
});

export function addSessionRoutes(api: Api, context: IdentityContext): void {
  api.openapi(listRoute, async (c) => c.json(await listSessions(context, c.get("caller")), 200));

  api.openapi(endRoute, async (c) => {
    await endSession(context, c.get("caller"), c.req.valid("param").session_id);
    return c.body(null, 204);
  });

  api.openapi(endOthersRoute, async (c) => {
    await endOtherSessions(context, c.get("caller"));
    return c.body(null, 204);
  });
}
