import type { Config } from "../config/options.ts";
import { hashSecret } from "./secret.ts";

type TrustSettings = Pick<Config, "JWT_SECRET" | "JWT_ISSUER" | "JWT_AUDIENCE" | "JWKS_URL">;
export type TrustKind = "hs256" | "jwks";

/**
 * Identifies the settings by which foreign tokens of a kind are verified, without disclosing a secret. Connections by such a token,
 * and the connection tokens made for it, carry the id: when a key is revoked because it has leaked, they must end as well.
 */
export function createTrustId(
  { JWT_SECRET, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE }: TrustSettings,
  kind: TrustKind,
): string {
  const key = kind === "hs256" ? JWT_SECRET : JWKS_URL;
  return hashSecret(JSON.stringify([kind, key, JWT_ISSUER, JWT_AUDIENCE])).slice(0, 22);
}

/** Whether a token that was verified by the settings of this id is valid by the present ones. */
export function isTrusted(settings: TrustSettings, trust: string | undefined): boolean {
  return trust === createTrustId(settings, "hs256") || trust === createTrustId(settings, "jwks");
}
