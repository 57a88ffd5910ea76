import { z } from "zod";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";
import type { SigningKeys } from "../signing-keys.ts";

const jwksRoute = route({
  method: "get",
  path: "/.well-known/jwks.json",
  summary: "The public keys of our access tokens (RFC 7517)",
  tag: "auth",
  auth: "public",
  responses: { 200: { description: "Keys.", schema: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }) } },
});

export function addJwksRoute(api: Api, keys: SigningKeys): void {
  api.openapi(jwksRoute, async (c) => {
    c.header("cache-control", "public, max-age=300");
    return c.json(await keys.jwks(), 200);
  });
}
