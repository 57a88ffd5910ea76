import type { Code } from "../protocol/codes.ts";

/**
 * Errors on the client's side.
 * `network`: the server was not reached. `timeout`: no response in time. `disconnected`: the connection was lost before the response,
 * so the outcome is not known. `offline`: not sent, because there is no connection. `outbox_full`: too many messages are pending.
 */
export type LocalCode = "network" | "timeout" | "disconnected" | "offline" | "outbox_full";

/** One invalid value of a request, as in problem+json. `pointer`: RFC 6901. */
export interface FieldError {
  pointer: string;
  code: string;
  message: string;
}

/** Every error that this client reports, from REST, from a command or from the connection itself. */
export class UsherError extends Error {
  override readonly name = "UsherError";
  readonly code: Code | LocalCode;
  /** Whether the same request may succeed later. */
  readonly retry: boolean;
  /** HTTP status; null for a command or when the server was not reached. */
  readonly status: number | null;
  readonly errors: readonly FieldError[];
  /** Seconds to wait, from `Retry-After`. */
  readonly retryAfter: number | null;

  constructor(
    code: Code | LocalCode,
    message: string,
    more: {
      retry: boolean;
      status?: number;
      errors?: readonly FieldError[];
      retryAfter?: number | null;
      cause?: unknown;
    },
  ) {
    super(message, { cause: more.cause });
    this.code = code;
    this.retry = more.retry;
    this.status = more.status ?? null;
    this.errors = more.errors ?? [];
    this.retryAfter = more.retryAfter ?? null;
  }
}

/** The codes that `system:error` spells differently; all others are the code in upper case. */
const FRAME_SPELLINGS: Readonly<Record<string, Code>> = {
  PARSE_ERROR: "malformed",
  INVALID_PAYLOAD: "invalid",
  UNAUTHORIZED: "unauthenticated",
};

/** The code of a `system:error`, `room:left` or refused room, in the spelling that REST uses. */
export function parseFrameCode(spelling: string): Code {
  const known = Object.hasOwn(FRAME_SPELLINGS, spelling) ? FRAME_SPELLINGS[spelling] : undefined;
  return known ?? (spelling.toLowerCase() as Code);
}
