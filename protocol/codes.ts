/**
 * Every error code that Usher returns, with its form on each transport.
 * `status`: HTTP. `grpc`: google.rpc.Code. `retry`: whether the same request may succeed later.
 * `frame`: the spelling in `system:error`, where it differs from the upper-cased code.
 */
interface CodeEntry {
  title: string;
  status: number;
  grpc: number;
  retry: boolean;
  frame?: string;
}

const entry = (status: number, grpc: number, retry: boolean, title: string, frame?: string): CodeEntry => ({
  title,
  status,
  grpc,
  retry,
  frame,
});

export const CODES = {
  malformed: entry(400, 3, false, "The request could not be read.", "PARSE_ERROR"),
  invalid: entry(422, 3, false, "Some values are not valid.", "INVALID_PAYLOAD"),
  missing_event_id: entry(422, 3, false, "Name a room or an event_id.", "MISSING_EVENT_ID"),
  unknown_type: entry(422, 3, false, "This frame type is not known."),
  url_not_public: entry(422, 3, false, "This is not a public https address."),
  unauthenticated: entry(401, 16, false, "Sign in first.", "UNAUTHORIZED"),
  invalid_credentials: entry(401, 16, false, "The name or the password is wrong."),
  refresh_invalid: entry(401, 16, false, "This refresh token is not valid. Sign in again."),
  forbidden: entry(403, 7, false, "You are not allowed to do this."),
  banned: entry(403, 7, false, "This account is banned."),
  registration_closed: entry(403, 7, false, "Registration is closed on this server."),
  setup_code_needed: entry(403, 7, false, "The first account needs the set-up code."),
  invite_needed: entry(403, 7, false, "You need an invitation for this."),
  wrong_origin: entry(403, 7, false, "This request comes from another site."),
  not_found: entry(404, 5, false, "This does not exist, or you have no access to it."),
  anchor_not_found: entry(404, 5, false, "The message that the page starts at does not exist here."),
  method_not_allowed: entry(405, 12, false, "This path does not support this method."),
  not_acceptable: entry(406, 3, false, "The server has no response of a type that you accept."),
  conflict: entry(409, 6, false, "This conflicts with the current state."),
  email_taken: entry(409, 6, false, "This e-mail address already has an account."),
  username_taken: entry(409, 6, false, "This username is taken."),
  name_taken: entry(409, 6, false, "This name is taken."),
  last_owner: entry(409, 9, false, "The last owner cannot leave. Make another person owner first."),
  direct_immutable: entry(409, 9, false, "A direct chat cannot be changed."),
  full: entry(409, 8, false, "The maximum is reached."),
  idempotency_in_progress: entry(409, 10, true, "The first request with this Idempotency-Key is still running."),
  idempotency_key_reused: entry(422, 3, false, "This Idempotency-Key was used for a different request."),
  token_expired: entry(410, 9, false, "This link has expired or was used already. Ask for a new one."),
  past_retention: entry(
    410,
    11,
    false,
    "The entries after this position are no longer stored. Load the current state.",
  ),
  changed: entry(412, 9, false, "This was changed in the meantime. Load it again."),
  request_timeout: entry(408, 4, true, "The request took too long to arrive."),
  too_large: entry(413, 8, false, "This is too large.", "TOO_LARGE"),
  unsupported_media_type: entry(415, 3, false, "Send JSON with Content-Type: application/json."),
  rate_limited: entry(429, 8, true, "Too many requests. Try again later."),
  too_many_rooms: entry(409, 8, false, "This connection is in the maximum number of rooms."),
  internal: entry(500, 13, true, "Something went wrong on the server. It has been logged."),
  unavailable: entry(503, 14, true, "The server cannot do this right now. Try again soon."),
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof CODES;

/** The code as a WebSocket client reads it: upper case, except for four older spellings. */
export function frameCode(code: Code): string {
  const { frame } = CODES[code] as CodeEntry;
  return frame ?? code.toUpperCase();
}

/**
 * Close codes of our WebSockets. 4000–4099: connect again (with the last positions); 4100–4199: do not, without a new token or a change.
 * RFC 6455's own codes are used where they fit (1001 going away, 1009 too big, 1007 bad UTF-8).
 */
export const CLOSE = {
  draining: { code: 4001, reconnect: true, reason: "The server is restarting." },
  slow: { code: 4008, reconnect: true, reason: "You read too slowly. Connect again and resume." },
  flood: { code: 4009, reconnect: true, reason: "Too many frames. Slow down." },
  silent: { code: 4010, reconnect: true, reason: "Nothing was received in the time allowed." },
  removed: { code: 4011, reconnect: true, reason: "An admin closed this connection." },
  token_expired: { code: 4101, reconnect: false, reason: "The token has expired. Connect with a new one." },
  signed_out: { code: 4102, reconnect: false, reason: "This session has ended." },
  banned: { code: 4103, reconnect: false, reason: "This account is banned." },
} as const;

export type CloseReason = keyof typeof CLOSE;
