import type { TypedResponse } from "hono";

/** A response 200 whose body is JSON text already. The types do not check it against the route's schema. */
export function jsonResponse(text: string): Response & TypedResponse<never, 200, "json"> {
  return new Response(text, { headers: { "content-type": "application/json" } }) as never;
}
