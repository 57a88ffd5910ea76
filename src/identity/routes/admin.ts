import { z } from "zod";
import { page } from "../../../protocol/objects.ts";
import { Snowflake, UserId } from "../../../protocol/rooms.ts";
import { getAuditActor } from "../../platform/audit.ts";
import { type AppError, invalidFields } from "../../platform/errors.ts";
import type { Api } from "../../platform/http/api.ts";
import { buildLinkHeader, linkHeader } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import { ban, banRange, endUserSessions, liftBan, listBans } from "../bans.ts";
import type { IdentityContext } from "../identity-context.ts";
import { createInvite, listInvites, removeInvite } from "../invites.ts";
import { listResetLinks } from "../reset-links.ts";
import { Ban, BanBody, InviteBody, RegistrationInvite, ResetLink } from "./schemas.ts";

const tag = "admin";
const WEEK_SECONDS = 7 * 24 * 3_600;

/** Parameters of lists with the newest first. */
const NewestFirstQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: Snowflake.optional(),
});

const listBansRoute = route({
  method: "get",
  path: "/api/v1/admin/bans",
  summary: "Lists the bans in force, the newest first",
  tag,
  auth: "admin",
  request: { query: NewestFirstQuery },
  responses: { 200: { description: "Bans.", schema: page(Ban), headers: linkHeader } },
});

const banRoute = route({
  method: "post",
  path: "/api/v1/admin/bans",
  summary: "Bans a person (all their sessions end) or a range of addresses; their sockets close now",
  tag,
  auth: "admin",
  request: { body: BanBody },
  responses: { 201: { description: "Banned.", schema: Ban } },
  errors: ["not_found"],
});

const liftRoute = route({
  method: "delete",
  path: "/api/v1/admin/bans/{ban_id}",
  summary: "Lifts a ban",
  tag,
  auth: "admin",
  request: { params: z.object({ ban_id: Snowflake }) },
  responses: { 204: { description: "Lifted." } },
});

const endSessionsRoute = route({
  method: "delete",
  path: "/api/v1/admin/users/{user_id}/sessions",
  summary: "Ends all sessions of a person; they may sign in again",
  tag,
  auth: "admin",
  request: { params: z.object({ user_id: UserId }) },
  responses: { 204: { description: "Ended." } },
});

const listInvitesRoute = route({
  method: "get",
  path: "/api/v1/registration-invites",
  summary: "Lists the codes with which people may register, the newest first",
  tag,
  auth: "admin",
  request: { query: NewestFirstQuery },
  responses: { 200: { description: "Invites.", schema: page(RegistrationInvite), headers: linkHeader } },
});

const createInviteRoute = route({
  method: "post",
  path: "/api/v1/registration-invites",
  summary: "Creates a code with which people may register while REGISTRATION is `invite`",
  tag,
  auth: "admin",
  request: { body: InviteBody },
  responses: { 201: { description: "Made.", schema: RegistrationInvite } },
});

const removeInviteRoute = route({
  method: "delete",
  path: "/api/v1/registration-invites/{invite_id}",
  summary: "Revokes a code",
  tag,
  auth: "admin",
  request: { params: z.object({ invite_id: Snowflake }) },
  responses: { 204: { description: "Removed." } },
});

const resetLinksRoute = route({
  method: "get",
  path: "/api/v1/admin/password-reset-links",
  summary: "Lists reset links to hand over; there are some only where no mail server is set",
  tag,
  auth: "owner",
  responses: {
    200: { description: "Links, the last requested first.", schema: z.object({ data: z.array(ResetLink) }) },
  },
});

export function addAdminRoutes(api: Api, context: IdentityContext): void {
  api.openapi(listBansRoute, async (c) => {
    const bans = await listBans(context, c.req.valid("query"));
    return c.json(bans, 200, buildLinkHeader(c.req.url, bans));
  });

  api.openapi(banRoute, async (c) => {
    const { user_id, ip_range, reason, until } = c.req.valid("json");
    const terms = { reason, until: until ? new Date(until) : null };
    if (user_id !== undefined && ip_range === undefined)
      return c.json(await ban(context, getAuditActor(c), { ...terms, userId: user_id }), 201);
    if (ip_range !== undefined && user_id === undefined)
      return c.json(await banRange(context, getAuditActor(c), { ...terms, ipRange: ip_range }), 201);
    throw exclusiveFieldsError();
  });

  api.openapi(liftRoute, async (c) => {
    await liftBan(context, getAuditActor(c), c.req.valid("param").ban_id);
    return c.body(null, 204);
  });

  api.openapi(endSessionsRoute, async (c) => {
    await endUserSessions(context, getAuditActor(c), c.req.valid("param").user_id);
    return c.body(null, 204);
  });

  api.openapi(listInvitesRoute, async (c) => {
    const invites = await listInvites(context, c.req.valid("query"));
    return c.json(invites, 200, buildLinkHeader(c.req.url, invites));
  });

  api.openapi(createInviteRoute, async (c) => {
    const { max_uses, expires_in = WEEK_SECONDS } = c.req.valid("json");
    const invite = await createInvite(context, getAuditActor(c), { maxUses: max_uses, expiresIn: expires_in });
    return c.json(invite, 201);
  });

  api.openapi(removeInviteRoute, async (c) => {
    await removeInvite(context, getAuditActor(c), c.req.valid("param").invite_id);
    return c.body(null, 204);
  });

  api.openapi(resetLinksRoute, async (c) => c.json({ data: await listResetLinks(context, getAuditActor(c)) }, 200));
}

function exclusiveFieldsError(): AppError {
  const errors = ["user_id", "ip_range"].map((field) => ({
    pointer: `/${field}`,
    code: "exclusive",
    message: "exactly one of user_id and ip_range is needed",
  }));
  return invalidFields(errors, "Give either user_id or ip_range.");
}
