import type { Context } from "hono";
import { AppError } from "../errors.ts";
import type { Api, ApiEnv } from "./api.ts";
import { problemResponse } from "./problem.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** The response where no route matched: 405 with `Allow` when the path exists for other methods, 404 when it does not. */
export function notFound(api: Api, c: Context<ApiEnv>): Response {
  const allowed = METHODS.filter((method) => matchRoutes(api, method, c.req.path).length > 0);
  if (allowed.length === 0) {
    return problemResponse(new AppError("not_found", "There is nothing at this path."), c.get("requestId"));
  }
  const allow = [...allowed, ...(allowed.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
  if (c.req.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
  const error = new AppError("method_not_allowed", `This path takes ${allow}.`);
  return problemResponse(error, c.get("requestId"), { allow });
}

/** Middlewares are registered for all methods, routes for one. */
function matchRoutes(api: Api, method: string, path: string): unknown[] {
  const [matched] = api.router.match(method, path);
  return matched.filter(([[, route]]) => route.method === method);
}
