import { z } from "zod";
import { Time } from "../../../protocol/objects.ts";
import { getAuditActor } from "../../platform/audit.ts";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { Settings } from "../settings.ts";

const tag = "admin";

const Setting = z
  .object({
    name: z.string(),
    value: z.string().nullable().meta({ description: "As in the environment; null: unset, or a secret." }),
    default: z.string().nullable(),
    help: z.string(),
    secret: z.boolean(),
    change: z.enum(["now", "reload", "restart"]).meta({
      description:
        "`now`: it can be set here. `reload`: set in the environment, then SIGHUP. `restart`: then a restart.",
    }),
    owners_only: z.boolean().meta({ description: "An owner alone sets it here." }),
    set_by: z.string().nullable().meta({ description: "Who set it over the environment." }),
    set_at: Time.nullable(),
  })
  .meta({ id: "Setting" });

export const SettingList = z.object({ data: z.array(Setting) });

const Value = z.union([z.string().max(10_000), z.number(), z.boolean()]).nullable();

const listRoute = route({
  method: "get",
  path: "/api/v1/admin/settings",
  summary: "Lists the options of this server with what stands now",
  tag,
  auth: "admin",
  responses: { 200: { description: "All options; secrets without their value.", schema: SettingList } },
});

const changeRoute = route({
  method: "patch",
  path: "/api/v1/admin/settings",
  summary: "Sets options over the environment, on all nodes, without a restart; null goes back to the environment",
  tag,
  auth: "admin",
  request: {
    body: z.record(z.string().min(1).max(64), Value).meta({
      description:
        'Values by the option\'s name, written as in the environment: `{"WS_RATE_LIMIT": "100", "LOG_LEVEL": null}`.',
    }),
  },
  responses: { 200: { description: "All options as they stand now.", schema: SettingList } },
  errors: ["forbidden"],
});

export function addSettingsRoutes(api: Api, settings: Settings): void {
  api.openapi(listRoute, async (c) => c.json({ data: await settings.list() }, 200));

  api.openapi(changeRoute, async (c) => {
    const texts = Object.entries(c.req.valid("json")).map(([name, value]) => [
      name,
      value === null ? null : `${value}`,
    ]);
    return c.json({ data: await settings.change(getAuditActor(c), Object.fromEntries(texts)) }, 200);
  });
}
