import type { z } from "zod";
import { AppError, type FieldError, invalidFields } from "../errors.ts";

/** Where a value was, as Hono's validators name it. */
export type InputLocation = "json" | "query" | "param" | "header" | "cookie" | "form";

/** Maximum of errors in one response: it must not be larger than its request. */
const MAX_ERRORS = 50;

/**
 * The 422 for values that zod refused. Pointers (RFC 6901) lead into the body; into the query they start with `/query`.
 * An id in the path that cannot be one names nothing: that is 404.
 */
export function validationError(location: InputLocation, issues: readonly z.core.$ZodIssue[]): AppError {
  if (location === "param") return new AppError("not_found");
  const prefix = pointerPrefix(location);
  const errors = issues.flatMap((issue) => toFieldErrors(prefix, issue));
  return invalidFields(errors.slice(0, MAX_ERRORS));
}

/** How pointers begin: those into the body are its own, those into the query start with `/query`. */
export function pointerPrefix(location: InputLocation): string {
  return location === "json" || location === "form" ? "" : `/${location}`;
}

/** One step of a pointer, escaped (RFC 6901 §4). */
export function escapePointerPart(part: string): string {
  return `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function toFieldErrors(prefix: string, issue: z.core.$ZodIssue): FieldError[] {
  const pointer = prefix + issue.path.map((part) => escapePointerPart(String(part))).join("");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: pointer + escapePointerPart(key),
      code: "unknown_field",
      message: "is not a field of this request",
    }));
  }
  if (isMissing(issue)) return [{ pointer, code: "required", message: describeIssue(issue) }];
  return [{ pointer, code: issue.code, message: describeIssue(issue) }];
}

/** What is wrong with a value, for its sender. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  if (isMissing(issue)) return "is required";
  // Zod's own words are for programmers: "Too small: expected array to have >=1 items". A message of ours stays.
  if (issue.code === "too_small" && issue.message.startsWith("Too small: "))
    return `at least ${describeSize(issue.origin, Number(issue.minimum))}`;
  if (issue.code === "too_big" && issue.message.startsWith("Too big: "))
    return `at most ${describeSize(issue.origin, Number(issue.maximum))}`;
  return issue.message;
}

/** "1 item", "80 characters", "100" */
function describeSize(origin: string, size: number): string {
  const unit = { array: "item", set: "item", string: "character" }[origin];
  return unit === undefined ? String(size) : `${size} ${unit}${size === 1 ? "" : "s"}`;
}

function isMissing({ code, message }: z.core.$ZodIssue): boolean {
  return code === "invalid_type" && message.endsWith("received undefined");
}
