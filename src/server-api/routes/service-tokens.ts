import { z } from "zod";
import { Time, TimeInput } from "../../../protocol/objects.ts";
import { ROOM_KINDS, ROOM_MAX, RoomName, Snowflake } from "../../../protocol/rooms.ts";
import { nameText, text } from "../../../protocol/text.ts";
import { getAuditActor } from "../../platform/audit.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import { ALL_SCOPES, SCOPES, type Scope } from "../../platform/scopes.ts";
import type { ServerApi } from "../index.ts";

const tag = "service tokens";
const params = z.object({ token_id: Snowflake });
const WEEK_SECONDS = 7 * 24 * 3_600;

const ScopeName = z.enum(ALL_SCOPES as [Scope, ...Scope[]]).meta({
  description: Object.entries(SCOPES)
    .map(([scope, what]) => `\`${scope}\`: ${what}`)
    .join("; "),
});

/** `event:1`, `event:12*`, `event:*`, `all`, `*`. */
const RoomPattern = text(ROOM_MAX)
  .refine(
    (pattern) =>
      pattern === "*" || RoomName.safeParse(pattern).success || ROOM_KINDS.some((kind) => isKindPattern(kind, pattern)),
    "a room such as event:1, a prefix such as event:*, or * for all",
  )
  .meta({ description: "A room, or a prefix of rooms followed by `*`. `user:<id>` is for notices to that person." });

function isKindPattern(kind: string, pattern: string): boolean {
  return pattern.startsWith(`${kind}:`) && /^[\x21-\x7e]*\*$/.test(pattern.slice(kind.length + 1));
}

export const ServiceToken = z
  .object({
    id: Snowflake,
    name: z.string(),
    scopes: z.array(ScopeName),
    rooms: z.array(z.string()),
    expires_at: Time.nullable(),
    created_by: z.string(),
    created_at: Time,
    rotated_at: Time.nullable(),
    previous_until: Time.nullable().meta({
      description: "Until when the secret before the last rotation is valid, too.",
    }),
    last_used_at: Time.nullable().meta({ description: "To the minute or so." }),
  })
  .meta({ id: "ServiceToken" });

export const IssuedServiceToken = ServiceToken.extend({
  token: z.string().meta({ description: "Shown only once. Send it as `Authorization: Bearer <token>`." }),
}).meta({ id: "IssuedServiceToken" });

const listRoute = route({
  method: "get",
  path: "/api/v1/service-tokens",
  summary: "Lists the tokens with which other teams' back ends call",
  tag,
  auth: "admin",
  responses: { 200: { description: "All, the oldest first.", schema: z.object({ data: z.array(ServiceToken) }) } },
});

const createTokenRoute = route({
  method: "post",
  path: "/api/v1/service-tokens",
  summary: "Creates a token for another team's back end",
  tag,
  auth: "admin",
  request: {
    body: z.object({
      name: nameText(80),
      scopes: z.array(ScopeName).min(1).max(ALL_SCOPES.length),
      rooms: z
        .array(RoomPattern)
        .min(1)
        .max(100)
        .default(["*"])
        .meta({ description: "With `*` and the scope `changes` or `history` it reads everything, private chats too." }),
      expires_at: TimeInput.nullish(),
    }),
  },
  responses: { 201: { description: "Made.", schema: IssuedServiceToken } },
  errors: ["full"],
});

const rotateRoute = route({
  method: "post",
  path: "/api/v1/service-tokens/{token_id}/rotate",
  summary: "Gives a token a new secret; the old one stays valid for a while",
  tag,
  auth: "admin",
  request: {
    params,
    body: z.object({
      overlap_seconds: z.number().int().min(0).max(WEEK_SECONDS).default(3_600).meta({
        description: "0: the old secret ends now, and its sockets close.",
      }),
    }),
  },
  responses: { 200: { description: "Rotated.", schema: IssuedServiceToken } },
});

const revokeRoute = route({
  method: "delete",
  path: "/api/v1/service-tokens/{token_id}",
  summary: "Ends a token on all nodes; its sockets close",
  tag,
  auth: "admin",
  request: { params },
  responses: { 204: { description: "Ended." } },
});

export function addTokenRoutes(api: Api, { tokens }: Pick<ServerApi, "tokens">): void {
  api.openapi(listRoute, async (c) => c.json({ data: await tokens.list() }, 200));

  api.openapi(createTokenRoute, async (c) => {
    const { expires_at, ...wanted } = c.req.valid("json");
    return c.json(await tokens.create(getAuditActor(c), { ...wanted, expires_at: expires_at ?? null }), 201);
  });

  api.openapi(rotateRoute, async (c) => {
    const { overlap_seconds } = c.req.valid("json");
    return c.json(await tokens.rotate(getAuditActor(c), c.req.valid("param").token_id, overlap_seconds), 200);
  });

  api.openapi(revokeRoute, async (c) => {
    await tokens.revoke(getAuditActor(c), c.req.valid("param").token_id);
    return c.body(null, 204);
  });
}
