import type { HotName } from "../config/options.ts";
import type { Caller } from "../platform/caller.ts";
import { createOriginCheck } from "../platform/http/origin-check.ts";
import type { Authenticate, Hub } from "../realtime/transport.ts";
import type { Program } from "./program.ts";

/** Options that decide which callers are let in. */
const ADMISSION_OPTIONS: readonly HotName[] = [
  "WS_ALLOW_ANONYMOUS",
  "ALLOWED_ORIGINS",
  "JWT_SECRET",
  "JWT_ISSUER",
  "JWT_AUDIENCE",
  "JWKS_URL",
];

/**
 * Ends the connections and long responses of this node that would not be let in any more after a change of settings. A setting is often
 * changed because of callers that are in already: an issuer's key that leaked, a site that was taken over.
 */
export function closeNoLongerAllowed({ config, live }: Program, hub: Hub, isCurrent: Authenticate["isCurrent"]): void {
  const isOwn = createOriginCheck(config);
  const isStillAllowed = (caller: Caller) => {
    if (caller.kind === "anonymous") return config.WS_ALLOW_ANONYMOUS;
    if (caller.kind === "service") return true;
    // Without a host: pages of our own are not noted.
    if (caller.page !== undefined && !isOwn(caller.page, "")) return false;
    return isCurrent(caller);
  };
  live.onChange((changed) => {
    if (ADMISSION_OPTIONS.some((name) => changed.has(name)))
      hub.closeWhere((caller) => !isStillAllowed(caller), "signed_out");
  });
}
