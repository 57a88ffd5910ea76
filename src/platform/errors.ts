import { CODES, type Code } from "../../protocol/codes.ts";

/** One wrong value in an input: where it is (RFC 6901 pointer), a stable code, and a sentence. */
export interface FieldError {
  pointer: string;
  code: string;
  message: string;
}

/**
 * An error that is meant for the person at the other end: it becomes problem+json, a `system:error` frame or a gRPC status.
 * Anything else that is thrown is a defect: it is logged and becomes `internal`, without its text.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: Code;
  readonly errors: FieldError[];
  readonly extra: Record<string, unknown>;

  /**
   * @param code an entry of `protocol/codes.ts`
   * @param detail what happened and what to do, in a sentence; the code's own title when left out
   * @param more `errors`: per-field mistakes; any other key goes into the problem document as it is
   */
  constructor(code: Code, detail?: string, more: { errors?: FieldError[]; [key: string]: unknown } = {}) {
    super(detail ?? CODES[code].title);
    const { errors = [], ...extra } = more;
    this.code = code;
    this.errors = errors;
    this.extra = extra;
  }

  get status(): number {
    return CODES[this.code].status;
  }

  get retry(): boolean {
    return CODES[this.code].retry;
  }
}

/**
 * The error for wrong values in an input.
 *
 * @param detail what is wrong, in a sentence; the title of `invalid` when left out
 */
export function invalidFields(errors: FieldError[], detail?: string): AppError {
  return new AppError("invalid", detail, { errors });
}

/** The same for one value. */
export function invalidField(pointer: string, code: string, message: string, detail?: string): AppError {
  return invalidFields([{ pointer, code, message }], detail);
}
