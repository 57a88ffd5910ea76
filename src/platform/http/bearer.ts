/** The token of `Authorization: Bearer <token>` (RFC 6750 §2.1), of whatever characters; null when the header is none of these. */
export function parseBearer(header: string | null): string | null {
  return /^Bearer +(\S+)$/i.exec((header ?? "").trim())?.[1] ?? null;
}
