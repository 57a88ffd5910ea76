const NAME = "usher_session";

/** The value of our cookie in a `Cookie` header (RFC 6265); null when it is not there or cannot be one of ours. */
export function sessionCookie(header: string | null | undefined): string | null {
  const [, value] = new RegExp(`(?:^|; *)${NAME}=([A-Za-z0-9_-]{43})(?:;|$)`).exec(header ?? "") ?? [];
  return value ?? null;
}

/** The `Set-Cookie` of a sign-in. @param ttl life in ms @param secure whether the page came over https */
export function setSessionCookie(secret: string, ttl: number, secure: boolean): string {
  return `${NAME}=${secret}; Path=/; Max-Age=${Math.floor(ttl / 1_000)}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}

export function clearSessionCookie(secure: boolean): string {
  return `${NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}
