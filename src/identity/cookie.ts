const COOKIE_NAME = "usher_session";
/** A browser accepts a name like this only over https, from this very host, for all its paths (RFC 6265bis §4.1.3.2). */
const SECURE_COOKIE_NAME = `__Host-${COOKIE_NAME}`;

/**
 * The value of our cookie in a `Cookie` header (RFC 6265); null when it is missing or malformed.
 *
 * @param https whether all our pages are: then only the name that no other host can set is accepted
 */
export function readSessionCookie(header: string | null | undefined, https: boolean): string | null {
  return readCookie(SECURE_COOKIE_NAME, header) ?? (https ? null : readCookie(COOKIE_NAME, header));
}

function readCookie(name: string, header: string | null | undefined): string | null {
  for (const pair of (header ?? "").split(";")) {
    const [key, value] = pair.trimStart().split("=", 2);
    if (key === name && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value)) return value;
  }
  return null;
}

/** The `Set-Cookie` of a sign-in. @param ttl lifetime in ms @param secure whether the page came over https */
export function setSessionCookie(secret: string, ttl: number, secure: boolean): string {
  return `${getCookieName(secure)}=${secret}; Path=/; Max-Age=${Math.floor(ttl / 1_000)}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}

export function clearSessionCookie(secure: boolean): string {
  return `${getCookieName(secure)}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}

function getCookieName(secure: boolean): string {
  return secure ? SECURE_COOKIE_NAME : COOKIE_NAME;
}
