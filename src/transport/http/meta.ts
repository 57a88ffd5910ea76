import { z } from "zod";
import { MESSAGE_MAX, Time } from "../../../protocol/objects.ts";
import type { Config } from "../../config/options.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Api } from "../../platform/http/api.ts";
import { MAX_BODY } from "../../platform/http/read-body.ts";
import { route } from "../../platform/http/route.ts";

export interface MetaDeps {
  config: Pick<Config, "REGISTRATION" | "WS_MAX_MESSAGE_SIZE">;
  version: string;
  /** What this server can do, by short words; clients check them before they offer it. */
  features: readonly string[];
  clock: Clock;
  /** Whether the owner's account has been made, or takes the set-up code from there. Provided by identity. */
  registration: (isLocal: boolean) => Promise<{ owner_exists: boolean; setup_code_needed: boolean }>;
}

export const Meta = z
  .object({
    name: z.string(),
    version: z.string(),
    features: z.array(z.string()),
    registration: z.enum(["open", "invite", "closed"]),
    limits: z.object({ message: z.number().int(), body: z.number().int(), frame: z.number().int() }).meta({
      description: "Maximum characters of a message, bytes of a request's body, bytes of a WebSocket frame.",
    }),
    time: Time,
    set_up: z.boolean().meta({ description: "False until the first account, the owner's, is made." }),
    setup_code_needed: z.boolean().meta({
      description:
        "Whether making the first account takes the set-up code, from where this is asked. False once it is made.",
    }),
  })
  .meta({ id: "Meta" });

const getMeta = route({
  method: "get",
  path: "/api/v1/meta",
  summary: "What this server is and allows",
  tag: "server",
  auth: "public",
  responses: { 200: { description: "Its name, version, limits and clock.", schema: Meta } },
});

export function addMeta(api: Api, { config, version, features, clock, registration }: MetaDeps): void {
  api.openapi(getMeta, async (c) => {
    const { owner_exists, setup_code_needed } = await registration(c.get("isLocal"));
    return c.json(
      {
        name: "Usher",
        version,
        features: [...features],
        registration: config.REGISTRATION,
        limits: { message: MESSAGE_MAX, body: MAX_BODY, frame: config.WS_MAX_MESSAGE_SIZE },
        time: new Date(clock.now()).toISOString(),
        set_up: owner_exists,
        setup_code_needed,
      },
      200,
    );
  });
}
