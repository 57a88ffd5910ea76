import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";
import { AppError } from "../../platform/errors.ts";
import type { ApiEnv } from "../../platform/http/api.ts";
import { validationError } from "../../platform/http/validation-error.ts";

/** What the first clients read in place of a status: `{status: "success", message, data}`, or `{status: "fail", message}`. */
export function respondWith(message: string, handle: (c: Context<ApiEnv>) => Promise<unknown>) {
  return async (c: Context<ApiEnv>): Promise<Response> => {
    try {
      return c.json({ status: "success", message, data: await handle(c) });
    } catch (error) {
      // A defect is logged, and returned as by all other routes.
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      return c.json({ status: "fail", message: describeError(error) }, error.status as ContentfulStatusCode);
    }
  };
}

/** These clients show one line: the first field that is wrong belongs into it. */
function describeError(error: AppError): string {
  const [first] = error.errors;
  return first === undefined ? error.message : `${first.pointer.replace(/^\/(query\/)?/, "")} ${first.message}`;
}

/** A request's values by their schema; other fields are ignored. Throws `invalid`. */
export function parseInput<S extends z.ZodType>(schema: S, location: "json" | "query", value: unknown): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw validationError(location, result.error.issues);
}

/** The JSON of a body. Throws `malformed`. */
export async function readJson(c: Context<ApiEnv>): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    throw new AppError("malformed", "Send a JSON document.");
  }
}
