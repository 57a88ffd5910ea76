import { createHash } from "node:crypto";

/** The SHA-256 of a secret: of equal length for all, so that `timingSafeEqual` can compare it with another one. */
export function digestSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
