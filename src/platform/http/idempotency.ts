import type { Context, Next } from "hono";
import { nothingWasDone } from "../postgres/failures.ts";
import type { ApiEnv } from "./api.ts";
import { type IdempotencyStore, keyHolder, once } from "./once.ts";

export type { IdempotencyStore } from "./once.ts";

interface KeptAnswer {
  status: number;
  headers: [string, string][];
  body: string | null;
}

const KEPT_HEADERS = new Set(["content-type", "location", "link", "etag", "set-cookie"]);

/** Answers that say "not now": the same request may well succeed later, so they are not kept. */
const PASSING = new Set([401, 408, 429]);

/** Runs the request once per (caller, Idempotency-Key) and gives repeats the first answer. */
export async function answerOnce(
  store: IdempotencyStore,
  c: Context<ApiEnv>,
  next: Next,
  key: string,
  body: Uint8Array,
): Promise<Response | undefined> {
  const actor = keyHolder(c.get("caller"), c.get("address"));
  const { pathname, search } = new URL(c.req.url);
  const request = { actor, key, what: [c.req.method, pathname + search], body };
  const first = await once<KeptAnswer>(store, request, async (attempt) => {
    c.set("attempt", attempt);
    await next();
    const { status } = c.res;
    if (PASSING.has(status) || (status >= 500 && nothingWasDone(c.error))) return { key: "release" };
    // Nothing was done either; and whoever nobody knows must not fill a table with refusals.
    if (c.get("caller").kind === "anonymous" && status >= 400 && status < 500) return { key: "release" };
    if (status >= 500) return { key: "leave" };
    return { key: "keep", answer: await keptAnswer(c.res) };
  });
  return first === null ? undefined : replay(first.repeated);
}

async function keptAnswer(response: Response): Promise<KeptAnswer> {
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => KEPT_HEADERS.has(name)),
    body: response.body === null ? null : await response.clone().text(),
  };
}

function replay(answer: KeptAnswer): Response {
  const headers = new Headers(answer.headers);
  headers.set("idempotent-replayed", "true");
  return new Response(answer.body, { status: answer.status, headers });
}
