import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { Typing } from "../typing.ts";
import { channelParams } from "./schemas.ts";

const startTyping = route({
  method: "post",
  path: "/api/v1/channels/{channel_id}/typing",
  summary: "Notifies the others in a channel that the caller is typing",
  tag: "messages",
  auth: "user",
  request: { params: channelParams },
  responses: { 204: { description: "Sent, not stored. It expires unless it is repeated." } },
  errors: ["forbidden"],
});

export function addTypingRoutes(api: Api, typing: Typing): void {
  api.openapi(startTyping, async (c) => {
    await typing.start(c.get("caller"), c.req.valid("param").channel_id);
    return c.body(null, 204);
  });
}
