import { z } from "zod";
import { Member, page, Role } from "../../../protocol/objects.ts";
import { UserId } from "../../../protocol/rooms.ts";
import type { UserCaller } from "../../platform/caller.ts";
import type { Api } from "../../platform/http/api.ts";
import { buildLinkHeader, ListQuery, linkHeader } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import type { Members } from "../members.ts";
import { channelParams, locationHeader, Search } from "./schemas.ts";

const memberParams = channelParams.extend({ user_id: UserId.meta({ description: "A user's id, or `me`." }) });

const listMembers = route({
  method: "get",
  path: "/api/v1/channels/{channel_id}/members",
  summary: "Lists the members of a channel",
  tag: "members",
  auth: "user",
  request: { params: channelParams, query: ListQuery.extend({ role: Role.optional(), q: Search.optional() }) },
  responses: { 200: { description: "A page of members.", schema: page(Member), headers: linkHeader } },
  errors: ["forbidden"],
});

const addMember = route({
  method: "put",
  path: "/api/v1/channels/{channel_id}/members/{user_id}",
  summary: "Joins a public channel, or adds another person",
  tag: "members",
  auth: "user",
  request: { params: memberParams, body: z.strictObject({ role: Role.default("member") }) },
  responses: {
    201: { description: "In.", schema: Member, headers: locationHeader },
    204: { description: "Was a member already." },
  },
  errors: ["forbidden", "direct_immutable", "full"],
});

const updateMember = route({
  method: "patch",
  path: "/api/v1/channels/{channel_id}/members/{user_id}",
  summary: "Gives a member another role",
  tag: "members",
  auth: "user",
  request: { params: memberParams, body: z.strictObject({ role: Role }) },
  responses: { 200: { description: "The member as they are now.", schema: Member } },
  errors: ["forbidden", "direct_immutable", "last_owner"],
});

const removeMember = route({
  method: "delete",
  path: "/api/v1/channels/{channel_id}/members/{user_id}",
  summary: "Leaves a channel, or removes another person",
  tag: "members",
  auth: "user",
  request: { params: memberParams },
  responses: { 204: { description: "Is not a member." } },
  errors: ["forbidden", "direct_immutable", "last_owner"],
});

export function addMemberRoutes(api: Api, members: Members): void {
  api.openapi(listMembers, async (c) => {
    const list = await members.list(c.get("caller"), c.req.valid("param").channel_id, c.req.valid("query"));
    return c.json(list, 200, buildLinkHeader(c.req.url, list));
  });

  api.openapi(addMember, async (c) => {
    const caller = c.get("caller");
    const { channel_id, user_id } = c.req.valid("param");
    const { member, created } = await members.add(
      caller,
      channel_id,
      resolveUserId(user_id, caller),
      c.req.valid("json").role,
    );
    if (!created) return c.body(null, 204);
    return c.json(member, 201, { Location: `/api/v1/channels/${channel_id}/members/${member.user.id}` });
  });

  api.openapi(updateMember, async (c) => {
    const caller = c.get("caller");
    const { channel_id, user_id } = c.req.valid("param");
    return c.json(
      await members.setRole(caller, channel_id, resolveUserId(user_id, caller), c.req.valid("json").role),
      200,
    );
  });

  api.openapi(removeMember, async (c) => {
    const caller = c.get("caller");
    const { channel_id, user_id } = c.req.valid("param");
    await members.remove(caller, channel_id, resolveUserId(user_id, caller));
    return c.body(null, 204);
  });
}

/** `me` stands for the caller. */
function resolveUserId(userId: string, caller: UserCaller): string {
  return userId === "me" ? caller.userId : userId;
}
