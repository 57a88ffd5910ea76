import { z } from "zod";
import { page, Time, TimeInput } from "../../../protocol/objects.ts";
import { UserId } from "../../../protocol/rooms.ts";
import { patternText } from "../../../protocol/text.ts";
import { ACTIONS } from "../../platform/audit.ts";
import type { Api } from "../../platform/http/api.ts";
import { buildLinkHeader, linkHeader } from "../../platform/http/paging.ts";
import { route } from "../../platform/http/route.ts";
import { listAudit } from "../audit-log.ts";
import type { AdminDeps } from "../deps.ts";

export const AuditEntry = z
  .object({
    id: z.string(),
    at: Time,
    actor: z.string().meta({ description: "A user's id, a service token's id, or `system`." }),
    actor_name: z
      .string()
      .nullable()
      .meta({ description: "At the time of the action; null once the person is erased." }),
    action: z.string(),
    subject: z.string().meta({ description: "The object of the action, such as `user:42`." }),
    detail: z.record(z.string(), z.unknown()),
    address: z.string().nullable(),
  })
  .meta({ id: "AuditEntry" });

const auditRoute = route({
  method: "get",
  path: "/api/v1/admin/audit-log",
  summary: "Lists the actions of admins, the newest first",
  tag: "admin",
  auth: "admin",
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(100).default(20),
      after: patternText(18, /^\d+$/, "the `next` of a page").optional(),
      actor_id: UserId.optional(),
      action: z.enum(ACTIONS).optional(),
      from: TimeInput.optional(),
      to: TimeInput.optional().meta({ description: "Exclusive." }),
    }),
  },
  responses: { 200: { description: "Acts.", schema: page(AuditEntry), headers: linkHeader } },
});

export function addAuditLogRoute(api: Api, deps: Pick<AdminDeps, "sql">): void {
  api.openapi(auditRoute, async (c) => {
    const { limit, after = null, actor_id = null, action = null, from, to } = c.req.valid("query");
    const filter = { actor: actor_id, action, from: toDate(from), to: toDate(to), before: after };
    const entries = await listAudit(deps, { limit, ...filter });
    return c.json(entries, 200, buildLinkHeader(c.req.url, entries));
  });
}

function toDate(time: string | undefined): Date | null {
  return time === undefined ? null : new Date(time);
}
