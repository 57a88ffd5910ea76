import { z } from "zod";
import { PublicUser, page, Role, Time } from "../../../protocol/objects.ts";
import { UserId } from "../../../protocol/rooms.ts";
import { getAuditActor } from "../../platform/audit.ts";
import type { Api } from "../../platform/http/api.ts";
import { buildLinkHeader, linkHeader } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import { changeAccount, listAccounts } from "../accounts.ts";
import type { IdentityContext } from "../identity-context.ts";

const tag = "admin";

export const Account = PublicUser.extend({
  email: z.string().nullable(),
  phone: z.string().nullable(),
  role: Role,
  disabled: z.boolean(),
  banned: z.boolean(),
  created_at: Time,
  last_seen_at: Time.nullable().meta({ description: "To five minutes; null: nowhere signed in." }),
}).meta({ id: "Account" });

const listRoute = route({
  method: "get",
  path: "/api/v1/admin/users",
  summary: "Finds people by a part of their e-mail address, username or name, with the fields for admins",
  tag,
  auth: "admin",
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(100).default(20),
      after: z.string().min(1).max(200).optional(),
      q: z.string().min(2, "at least 2 characters").max(80).optional(),
      role: Role.optional(),
      status: z.enum(["active", "disabled", "banned"]).optional(),
    }),
  },
  responses: { 200: { description: "In the order of usernames.", schema: page(Account), headers: linkHeader } },
});

const changeRoute = route({
  method: "patch",
  path: "/api/v1/admin/users/{user_id}",
  summary: "Changes a person's role (owners only), or disables or enables the account",
  tag,
  auth: "admin",
  request: {
    params: z.object({ user_id: UserId }),
    body: z.strictObject({
      role: Role.optional(),
      disabled: z
        .boolean()
        .optional()
        .meta({ description: "Signs the person out everywhere and refuses new sign-ins." }),
    }),
  },
  responses: { 200: { description: "As it is now.", schema: Account } },
  errors: ["last_owner"],
});

export function addAccountRoutes(api: Api, context: IdentityContext): void {
  api.openapi(listRoute, async (c) => {
    const { q = null, role = null, status = null, ...query } = c.req.valid("query");
    const accounts = await listAccounts(context, { q, role, status, ...query });
    return c.json(accounts, 200, buildLinkHeader(c.req.url, accounts));
  });

  api.openapi(changeRoute, async (c) => {
    return c.json(
      await changeAccount(context, getAuditActor(c), c.req.valid("param").user_id, c.req.valid("json")),
      200,
    );
  });
}
