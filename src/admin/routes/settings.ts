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
    choices: z.array(z.string()).nullable().meta({ description: "The values that it can have, where these are few." }),
    secret: z.boolean(),
    change: z.enum(["now", "reload", "restart"]).meta({
      description:
        "`now`: it can be set here. `reload`: set it in the environment, then send SIGHUP. `restart`: set it there, then restart.",
    }),
    owners_only: z.boolean().meta({ description: "Only an owner can set it here." }),
    set_by: z.string().nullable().meta({ description: "Who set it over the environment." }),
    set_at: Time.nullable(),
  })
  .meta({ id: "Setting" });

export const SettingList = z.object({ data: z.array(Setting) });

const Value = z.union([z.string().max(10_000), z.number(), z.boolean()]).nullable();

const listRoute = route({
  method: "get",
  path: "/api/v1/admin/settings",
  summary: "Lists the options of this server with their current values",
  tag,
  auth: "admin",
  responses: { 200: { description: "All options; secrets without their value.", schema: SettingList } },
});

const changeRoute = route({
  method: "patch",
  path: "/api/v1/admin/settings",
  summary:
    "Overrides options of the environment, on all nodes, without a restart; null restores the environment's value",
  tag,
  auth: "admin",
  request: {
    body: z.record(z.string().min(1).max(64), Value).meta({
      description:
        'Values by the option\'s name, written as in the environment: `{"WS_RATE_LIMIT": "100", "LOG_LEVEL": null}`.',
    }),
  },
  responses: { 200: { description: "All options with their current values.", schema: SettingList } },
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
