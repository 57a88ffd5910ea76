import { z } from "zod";
import { Time } from "../../../protocol/objects.ts";
import type { Api } from "../../platform/http/api.ts";
import { jsonResponse } from "../../platform/http/json-response.ts";
import { route } from "../../platform/http/route.ts";
import { withMember } from "../../platform/json-text.ts";
import type { ServerApi } from "../index.ts";
import { Payload } from "./schemas.ts";

const changesRoute = route({
  method: "get",
  path: "/api/v1/changes",
  summary: "Reads the log of all rooms of the token, in order per room",
  tag: "services",
  auth: { scope: "changes" },
  request: {
    query: z.object({
      after: z
        .string()
        .min(1)
        .max(300)
        .optional()
        .meta({
          description:
            "The `next` of the previous response. Without it: from now on. `0`: from the oldest that is stored. When what follows is no longer " +
            "stored, the response is 410. After a pause of more than an hour some entries may come again: `id` identifies them.",
        }),
      types: z.string().max(1_000).optional().meta({
        description: "Types, or prefixes of types followed by `*`, separated by commas: `booking:*,message:created`.",
      }),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
      wait: z.coerce.number().int().min(0).max(10).default(0).meta({
        description: "Seconds to wait for the first entry when there is none yet.",
      }),
    }),
  },
  responses: {
    200: {
      description: "Continue with `next`, also when there were no entries.",
      schema: z.object({
        data: z.array(
          z.object({
            id: z.string().meta({ description: "`<room>:<epoch>:<seq>`; it never changes." }),
            source: z.string(),
            type: z.string(),
            time: Time,
            room: z.string(),
            seq: z.number().int(),
            data: Payload,
          }),
        ),
        next: z.string(),
      }),
    },
  },
  errors: ["past_retention"],
});

export function addChangeRoutes(api: Api, { changes }: Pick<ServerApi, "changes">): void {
  api.openapi(changesRoute, async (c) => {
    const { types, wait, ...query } = c.req.valid("query");
    const typeList = types?.split(",").filter((type) => type !== "");
    const { data, next } = await changes(c.get("caller"), {
      ...query,
      types: typeList,
      wait: wait * 1_000,
      signal: c.req.raw.signal,
      address: c.get("address"),
    });
    const found = data.map(({ data, ...change }) => withMember(change, "data", data));
    return jsonResponse(withMember({ next }, "data", `[${found.join()}]`));
  });
}
