import { z } from "zod";
import { Me, PublicUser, page } from "../../../protocol/objects.ts";
import { UserId } from "../../../protocol/rooms.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api } from "../../platform/http/api.ts";
import { computeEtag, etagHeader } from "../../platform/http/etag.ts";
import { nameList } from "../../platform/http/name-list.ts";
import { buildLinkHeader, ListQuery, linkHeader, requireSingleCursor } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import type { IdentityContext } from "../identity-context.ts";
import { changePassword } from "../passwords.ts";
import { editableMeFields, getUsers, listUsers, readMe, updateMe } from "../users.ts";
import { getClientInfo } from "./client-info.ts";
import { NewPassword, Password, UpdateMeBody } from "./schemas.ts";

const tag = "users";

const meRoute = route({
  method: "get",
  path: "/api/v1/users/me",
  summary: "Reads one's own account",
  tag,
  auth: "user",
  responses: { 200: { description: "The caller.", schema: Me, headers: etagHeader } },
});

const updateMeRoute = route({
  method: "patch",
  path: "/api/v1/users/me",
  summary: "Changes one's own account; omitted fields stay unchanged",
  tag,
  auth: "user",
  request: { body: UpdateMeBody },
  responses: { 200: { description: "The caller, changed.", schema: Me, headers: etagHeader } },
  ifMatch: true,
  errors: ["username_taken"],
});

const passwordRoute = route({
  method: "put",
  path: "/api/v1/users/me/password",
  summary: "Changes one's own password; all other sign-ins end",
  tag,
  auth: "user",
  request: { body: z.strictObject({ current_password: Password, new_password: NewPassword }) },
  responses: { 204: { description: "Changed." } },
  errors: ["invalid_credentials", "forbidden"],
});

const listRoute = route({
  method: "get",
  path: "/api/v1/users",
  summary: "Finds people by the start of their username or name, or by ids",
  tag,
  auth: "user",
  request: {
    query: z.object({
      ...ListQuery.shape,
      q: z.string().min(1).max(80).optional(),
      ids: nameList(
        UserId,
        100,
        "Up to 100 ids, separated by commas; those that exist are returned, without paging.",
      ).optional(),
    }),
  },
  responses: { 200: { description: "In the order of usernames.", schema: page(PublicUser), headers: linkHeader } },
});

const getRoute = route({
  method: "get",
  path: "/api/v1/users/{user_id}",
  summary: "Reads the public profile of a person",
  tag,
  auth: "user",
  request: { params: z.object({ user_id: UserId }) },
  responses: { 200: { description: "The person.", schema: PublicUser } },
});

export function addUserRoutes(api: Api, context: IdentityContext): void {
  api.openapi(meRoute, async (c) => {
    const me = await readMe(context, c.get("caller"));
    return c.json(me, 200, { ETag: computeEtag(editableMeFields(me)) });
  });

  api.openapi(updateMeRoute, async (c) => {
    const me = await updateMe(context, c.get("caller"), c.req.valid("json"), c.req.header("if-match"));
    return c.json(me, 200, { ETag: computeEtag(editableMeFields(me)) });
  });

  api.openapi(passwordRoute, async (c) => {
    const { current_password, new_password } = c.req.valid("json");
    await changePassword(context, c.get("caller"), { current: current_password, next: new_password }, getClientInfo(c));
    return c.body(null, 204);
  });

  api.openapi(listRoute, async (c) => {
    const { ids, ...query } = c.req.valid("query");
    requireSingleCursor(query);
    if (ids !== undefined) {
      const found = await getUsers(context, ids);
      return c.json({ data: [...found.values()], next: null, prev: null }, 200);
    }
    const users = await listUsers(context, query);
    return c.json(users, 200, buildLinkHeader(c.req.url, users));
  });

  api.openapi(getRoute, async (c) => {
    const { user_id } = c.req.valid("param");
    const user = (await getUsers(context, [user_id])).get(user_id);
    if (!user) throw new AppError("not_found");
    return c.json(user, 200);
  });
}
