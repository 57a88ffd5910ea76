/**
 * Who makes a request, as every transport (HTTP, WebSocket, SSE, gRPC) passes it to the use cases.
 * Made by identity from a token or a cookie, or by server-api from a service token; nothing else makes one.
 */
export type Caller = UserCaller | AnonymousCaller | ServiceCaller;

/** A person with an account, or a person of a foreign issuer (who gets a user row on first sight). */
export interface UserCaller {
  kind: "user";
  userId: string;
  username: string;
  role: "owner" | "admin" | "member";
  /** The sign-in this token belongs to; a foreign token has none. Ending it closes its sockets. */
  sessionId: string | null;
  /** Unix time in ms at which the credential ends; null for a session cookie, which is checked on every request. */
  expiresAt: number | null;
  /** Of a foreign token: the settings by which it was accepted. With other settings it may not be. */
  trust?: string;
  /** Origin of another site's page that came with the session's cookie. ALLOWED_ORIGINS may lose it. */
  page?: string;
}

/** A connection without a token, where WS_ALLOW_ANONYMOUS is on: public rooms, nothing else. */
export interface AnonymousCaller {
  kind: "anonymous";
}

export const ANONYMOUS: AnonymousCaller = { kind: "anonymous" };

/** Another team's back end, by a service token. What it may do is in its scopes; it is in no room by itself. */
export interface ServiceCaller {
  kind: "service";
  /** Of the token, as the admin pages list it. */
  tokenId: string;
  name: string;
  scopes: readonly string[];
  /** Patterns of the rooms it may touch, such as `event:*`; `*` is any. */
  rooms: readonly string[];
  /** Unix time in ms at which the credential ends; null: not before it is revoked or rotated. */
  expiresAt: number | null;
}

/** Whether one of the patterns covers the room: a room's name, or one that ends with `*` for every room that begins like it. */
export function coversRoom(patterns: readonly string[], room: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith("*") ? room.startsWith(pattern.slice(0, -1)) : pattern === room));
}
