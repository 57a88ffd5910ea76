import type { Context, Next } from "hono";
import { getKeyOwner, type IdempotencyKeys } from "../idempotency-keys.ts";
import { isDefinitelyNotCommitted } from "../postgres/database-errors.ts";
import type { ApiEnv } from "./api.ts";

interface StoredResponse {
  status: number;
  headers: [string, string][];
  body: string | null;
}

const STORED_HEADERS = new Set(["content-type", "location", "link", "etag", "set-cookie"]);

/** Responses that say "not now": the same request may well succeed later, so they are not stored. */
const TRANSIENT_STATUSES = new Set([401, 408, 429]);

/** Runs the request once per (caller, Idempotency-Key) and gives repeats the first response. */
export async function runOrReplay(
  keys: IdempotencyKeys,
  c: Context<ApiEnv>,
  next: Next,
  key: string,
  body: Uint8Array,
): Promise<Response | undefined> {
  const actor = getKeyOwner(c.get("caller"), c.get("address"));
  const { pathname, search } = new URL(c.req.url);
  const request = { actor, key, target: [c.req.method, pathname + search], body };
  const first = await keys.run<StoredResponse>(request, async (attempt) => {
    c.set("attempt", attempt);
    await next();
    const { status } = c.res;
    if (TRANSIENT_STATUSES.has(status) || (status >= 500 && isDefinitelyNotCommitted(c.error)))
      return { key: "release" };
    // Nothing was done either; and an anonymous client must not fill a table with refusals.
    if (c.get("caller").kind === "anonymous" && status >= 400 && status < 500) return { key: "release" };
    if (status >= 500) return { key: "leave" };
    return { key: "keep", result: await captureResponse(c.res) };
  });
  return first === null ? undefined : replay(first.repeated);
}

async function captureResponse(response: Response): Promise<StoredResponse> {
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => STORED_HEADERS.has(name)),
    body: response.body === null ? null : await response.clone().text(),
  };
}

function replay(stored: StoredResponse): Response {
  const headers = new Headers(stored.headers);
  headers.set("idempotent-replayed", "true");
  return new Response(stored.body, { status: stored.status, headers });
}
