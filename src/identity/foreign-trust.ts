import type { Config } from "../config/options.ts";
import { hashOf } from "./secret.ts";

type Settings = Pick<Config, "JWT_SECRET" | "JWT_ISSUER" | "JWT_AUDIENCE" | "JWKS_URL">;
export type TrustKind = "hs256" | "jwks";

/**
 * Names the settings by which foreign tokens of a kind are believed, without telling a secret. What such a token has opened, and the
 * connection tokens made for it, bear the name: when a key is taken back because somebody else has it, they must end as well.
 */
export function trustOf({ JWT_SECRET, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE }: Settings, kind: TrustKind): string {
  const key = kind === "hs256" ? JWT_SECRET : JWKS_URL;
  return hashOf(JSON.stringify([kind, key, JWT_ISSUER, JWT_AUDIENCE])).slice(0, 22);
}

/** Whether a token that was believed by settings of this name is believed by the present ones. */
export function isTrusted(settings: Settings, trust: string | undefined): boolean {
  return trust === trustOf(settings, "hs256") || trust === trustOf(settings, "jwks");
}
