import type { Context } from "hono";
import { AppError } from "../errors.ts";
import type { IdempotencyKeys } from "../idempotency-keys.ts";
import { checkJsonBounds } from "../json-bounds.ts";
import type { ApiEnv, Receive } from "./api.ts";
import { runOrReplay } from "./idempotency.ts";
import { MAX_ANONYMOUS_BODY, MAX_BODY, readBody } from "./read-body.ts";

/** What every route does once the caller may call it: read the body within its limits, and return the first response to a repeat. */
export function createReceive(deps: { readTimeout: number; idempotency: IdempotencyKeys }): Receive {
  return async (c, next, mayBeEmpty = false) => {
    if (c.req.method === "GET" || c.req.method === "HEAD") return next();
    const sent = await readBody(c.req.raw, getMaxBody(c), deps.readTimeout);
    const body = mayBeEmpty && sent.length === 0 ? EMPTY_OBJECT : sent;
    if (body === EMPTY_OBJECT) c.req.raw.headers.set("content-type", "application/json");
    // Without a type the body would be ignored, and read as {}.
    else if (mayBeEmpty && !c.req.header("content-type")) throw new AppError("unsupported_media_type");
    c.set("bodyText", decodeJsonText(body));
    // Hono's own type for the cache is wrong: it holds promises.
    Object.assign(c.req.bodyCache, { arrayBuffer: Promise.resolve(body.buffer) });
    const key = c.req.header("idempotency-key");
    if (c.req.method !== "POST" || key === undefined) return next();
    return runOrReplay(deps.idempotency, c, next, key, body);
  };
}

/** Without a known caller, and to sign in, small bodies are enough: a large one would cost the server more than its sender. */
function getMaxBody(c: Context<ApiEnv>): number {
  const isOpen = c.get("caller").kind === "anonymous" || c.req.path.startsWith("/api/v1/auth/");
  return isOpen ? MAX_ANONYMOUS_BODY : MAX_BODY;
}

/** What no body means where no field is needed. */
const EMPTY_OBJECT: Uint8Array<ArrayBuffer> = new TextEncoder().encode("{}");

/** Values in a body: as many as a payload of 64 KiB can hold. */
const MAX_BODY_VALUES = 65_536;

/** JSON is UTF-8 (RFC 8259 §8.1); decoding would put replacement characters where it is not, and store them. */
function decodeJsonText(body: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new AppError("malformed", "The body is not UTF-8.");
  }
  const bounds = checkJsonBounds(text, MAX_BODY_VALUES);
  if (bounds !== null) throw new AppError("malformed", bounds);
  return text;
}
