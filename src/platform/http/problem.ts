import { z } from "zod";
import { CODES, type Code } from "../../../protocol/codes.ts";
import { AppError } from "../errors.ts";

/** The body of every response that is not a success (RFC 9457, `application/problem+json`). */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(z.object({ pointer: z.string(), code: z.string(), message: z.string() })),
    request_id: z.string(),
    retry: z.boolean(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;

export const PROBLEM_TYPE = "application/problem+json";

/** The problem document of an error. `extra` fields of the error are added to the common ones and never replace them. */
export function toProblem(error: AppError, requestId: string): Problem & Record<string, unknown> {
  return {
    ...error.extra,
    type: `urn:usher:problem:${error.code}`,
    title: CODES[error.code].title,
    status: error.status,
    detail: error.message,
    code: error.code,
    errors: error.errors,
    request_id: requestId,
    retry: error.retry,
  };
}

/** The same as an HTTP response. `retry_after` (seconds) of the error also becomes the Retry-After header. */
export function problemResponse(error: AppError, requestId: string, headers: Record<string, string> = {}): Response {
  const retryAfter = error.extra.retry_after;
  return new Response(JSON.stringify(toProblem(error, requestId)), {
    status: error.status,
    headers: {
      "content-type": PROBLEM_TYPE,
      "cache-control": "no-store",
      ...(typeof retryAfter === "number" ? { "retry-after": String(Math.ceil(retryAfter)) } : {}),
      ...(error.code === "unauthenticated" ? { "www-authenticate": "Bearer" } : {}),
      ...headers,
    },
  });
}

/** The error for a bare HTTP status, as Hono's own checks throw them. */
export function errorFromStatus(status: number): AppError {
  const codes: Record<number, Code> = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
  };
  return new AppError(codes[status] ?? "internal");
}
