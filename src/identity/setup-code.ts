import { timingSafeEqual } from "node:crypto";
import { AppError } from "../platform/errors.ts";
import { isLoopbackHost } from "../platform/http/loopback.ts";
import type { ClientInfo, IdentityContext } from "./identity-context.ts";
import { hashSecret } from "./secret.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** The base32 alphabet of RFC 4648: none of them looks like another one in capitals. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const CODE_LENGTH = 16;

const LOG_HINT = "The server writes it to its log when it starts.";

/**
 * Who creates the first account owns the server. On its own machine any user may; from another machine it requires this code, 80 bits as
 * `ABCD-EFGH-IJKL-MNOP`, which proves that one can read the server's log. It is derived from the signing key, so that all nodes
 * have the same one and the database stores none.
 */
export async function makeSetupCode(keys: Pick<SigningKeys, "derive">): Promise<string> {
  const bytes = await keys.derive("set-up code");
  const letters = [...bytes.subarray(0, CODE_LENGTH)].map((byte) => BASE32[byte % 32]).join("");
  return letters.replace(/.{4}(?=.)/g, "$&-");
}

/**
 * A server with a public address may run behind a proxy that does not forward the client's address, and then all clients seem to be on
 * this machine: there no client is exempt.
 */
export function needsSetupCode({ publicUrl }: Pick<IdentityContext, "publicUrl">, isLocal: boolean): boolean {
  return !isLocal || !isLoopbackHost(new URL(publicUrl).host);
}

/** Throws `setup_code_needed` for clients that may not create the first account. */
export async function checkSetupCode(
  context: IdentityContext,
  code: string | null,
  { isLocal }: ClientInfo,
): Promise<void> {
  if (!needsSetupCode(context, isLocal)) return;
  if (code === null) throw new AppError("setup_code_needed", `The first account needs the set-up code. ${LOG_HINT}`);
  if (!isSameCode(code, await context.setupCode()))
    throw new AppError("setup_code_needed", `This is not the set-up code. ${LOG_HINT}`);
}

/** In any case, with or without its hyphens. */
function isSameCode(typed: string, code: string): boolean {
  const normalize = (text: string) => Buffer.from(hashSecret(text.toUpperCase().replace(/[\s-]/g, "")));
  return timingSafeEqual(normalize(typed), normalize(code));
}
