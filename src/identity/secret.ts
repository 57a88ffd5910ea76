import { createHash, createHmac, randomBytes } from "node:crypto";

/** A new secret of 256 random bits, as 43 characters that fit a URL and a header. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** What the database stores of a secret. 256 random bits need no salt and no slow hash. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

/** The refresh token after `token`: it cannot be computed from the token alone, or from the database alone. */
export function deriveSuccessor(token: string, nonce: string): string {
  return createHmac("sha256", token).update(nonce).digest("base64url");
}

export function newNonce(): string {
  return randomBytes(16).toString("base64url");
}
