import type { Code } from "../protocol/codes.ts";

/**
 * What goes wrong on this side of the wire.
 * `network`: the server was not reached. `timeout`: no answer in time. `disconnected`: the link broke before the answer came,
 * so the outcome is not known. `offline`: not sent, because there is no connection. `outbox_full`: too many messages wait already.
 */
export type LocalCode = "network" | "timeout" | "disconnected" | "offline" | "outbox_full";

/** One wrong value of a request, as problem+json names it. `pointer`: RFC 6901. */
export interface FieldError {
  pointer: string;
  code: string;
  message: string;
}

/** Every failure that this client reports, from REST, from a command or from the link itself. */
export class UsherError extends Error {
  override readonly name = "UsherError";
  readonly code: Code | LocalCode;
  /** Whether the same request may succeed later. */
  readonly retry: boolean;
  /** HTTP status; null for a command or when the server was not reached. */
  readonly status: number | null;
  readonly errors: readonly FieldError[];
  /** Seconds the server asks to wait, from `Retry-After`. */
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
export function codeOfFrame(spelling: string): Code {
  const known = Object.hasOwn(FRAME_SPELLINGS, spelling) ? FRAME_SPELLINGS[spelling] : undefined;
  return known ?? (spelling.toLowerCase() as Code);
}
