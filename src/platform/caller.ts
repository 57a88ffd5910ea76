/**
 * Who is asking, as every door (HTTP, WebSocket, later SSE and gRPC) hands it to the use cases.
 * Made by identity from a token or a cookie; nothing else makes one.
 */
export type Caller = UserCaller | AnonymousCaller;

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
}

/** A connection without a token, where WS_ALLOW_ANONYMOUS is on: public rooms, nothing else. */
export interface AnonymousCaller {
  kind: "anonymous";
}

export const ANONYMOUS: AnonymousCaller = { kind: "anonymous" };
