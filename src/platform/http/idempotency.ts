import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Context, Next } from "hono";
import { AppError } from "../errors.ts";
import { nothingWasDone } from "../postgres/failures.ts";
import type { ApiEnv } from "./api.ts";

/** What the first request with a key has come to. `mine`: this one is the first, and runs. */
export type Claim =
  | { state: "mine"; attempt: number }
  | { state: "running" }
  | { state: "other" }
  | { state: "done"; answer: Uint8Array };

export interface ClaimKey {
  actor: string;
  keyHash: Uint8Array;
}

/** One row per (actor, key), kept for 24 h. Times are the database's. */
export interface IdempotencyStore {
  claim(key: ClaimKey, requestHash: Uint8Array): Promise<Claim>;
  /** Keeps the sealed answer, unless another attempt has taken over meanwhile. */
  keep(key: ClaimKey, attempt: number, answer: Uint8Array): Promise<void>;
  /** Forgets an attempt that came to nothing, so that the next one runs. */
  release(key: ClaimKey, attempt: number): Promise<void>;
}

interface KeptAnswer {
  status: number;
  headers: [string, string][];
  body: string | null;
}

const KEPT_HEADERS = new Set(["content-type", "location", "link", "etag", "set-cookie"]);

/** Answers that say "not now": the same request may well succeed later, so they are not kept. */
const PASSING = new Set([401, 408, 429]);

/**
 * Runs the request once per (caller, Idempotency-Key) and gives repeats the first answer. After a crash,
 * or a failure that leaves open whether it was done, the key is free when its lease ends, and the request runs again:
 * creations that must not happen twice have unique columns besides.
 */
export async function answerOnce(
  store: IdempotencyStore,
  c: Context<ApiEnv>,
  next: Next,
  key: string,
  body: Uint8Array,
): Promise<Response | undefined> {
  if (key.length === 0 || key.length > 255) {
    throw new AppError("malformed", "An Idempotency-Key has 1 to 255 characters.");
  }
  const caller = c.get("caller");
  const actor = caller.kind === "user" ? `user:${caller.userId}` : `address:${c.get("address")}`;
  const { pathname, search } = new URL(c.req.url);
  const request = hash("request", c.req.method, pathname + search, body);
  const claimKey = { actor, keyHash: hash("key", key) };
  const claim = await store.claim(claimKey, request);
  if (claim.state === "running") throw new AppError("idempotency_in_progress", undefined, { retry_after: 1 });
  if (claim.state === "other") throw new AppError("idempotency_key_reused");

  // Answers may hold tokens. They are sealed with what only the asker knows: the key and the body themselves.
  const secret = hash("seal", key, body);
  if (claim.state === "done") return replay(open(secret, claim.answer));

  await next();
  if (PASSING.has(c.res.status) || (c.res.status >= 500 && nothingWasDone(c.error)))
    await store.release(claimKey, claim.attempt);
  // It may have been carried out: until its lease ends the key says "in progress", and nothing runs twice meanwhile.
  else if (c.res.status >= 500) return;
  else await store.keep(claimKey, claim.attempt, seal(secret, await keptAnswer(c.res)));
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

function hash(purpose: string, ...parts: (string | Uint8Array)[]): Buffer {
  const digest = createHash("sha256").update(purpose);
  for (const part of parts) digest.update(`\0${part.length}\0`).update(part);
  return digest.digest();
}

/** AES-256-GCM: nonce (12 bytes), tag (16), text. */
function seal(secret: Buffer, answer: KeptAnswer): Uint8Array {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", secret, nonce);
  const text = Buffer.concat([cipher.update(JSON.stringify(answer), "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
}

function open(secret: Buffer, sealed: Uint8Array): KeptAnswer {
  const decipher = createDecipheriv("aes-256-gcm", secret, sealed.subarray(0, 12));
  decipher.setAuthTag(sealed.subarray(12, 28));
  const text = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
  return JSON.parse(text.toString("utf8"));
}
