import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Caller } from "./caller.ts";
import { AppError } from "./errors.ts";
import type { Sql } from "./postgres/sql.ts";
import { repeatUntilEmpty, SWEEP_BATCH } from "./postgres/sweep-batches.ts";

/** How long an attempt may run before another one with the same key takes over (its node has probably died). */
const LEASE_SECONDS = 60;

/** The state of the first request with a key. `claimed`: this one is the first, and runs. */
export type Claim =
  | { state: "claimed"; attempt: number }
  | { state: "running" }
  | { state: "mismatch" }
  | { state: "done"; result: Uint8Array };

export interface ClaimKey {
  actor: string;
  keyHash: Uint8Array;
}

/** One run of the work of a key. */
export interface Attempt {
  /** The same for all runs, and no other key's: what is put beside it in the database can be found by it. */
  mark: string;
  /** An attempt before this one ended without a result: it may have been carried out. */
  isRetry: boolean;
}

export interface IdempotentRequest {
  /** Whose key it is: two callers may use the same one. */
  actor: string;
  /** The Idempotency-Key. */
  key: string;
  /** What is asked for: method and path. */
  target: readonly string[];
  body: Uint8Array;
}

/**
 * The outcome of the work. `keep`: repeats get this result (JSON). `release`: nothing was done, the next one runs. `leave`: it
 * may have been carried out; until its lease ends the key says "in progress", and nothing runs twice meanwhile.
 */
export type Outcome<T> = { key: "keep"; result: T } | { key: "release" } | { key: "leave" };

/** The table `idempotency_keys` (db/migrations/004): one row per (actor, key), for 24 h. Times are the database's. */
export class IdempotencyKeys {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /**
   * Does `work` once per (actor, key). After a crash, or a failure that leaves open whether it was done, the key is free when its
   * lease ends, and the work is done again: what must not happen twice has unique columns besides, or looks for the attempt's mark.
   *
   * @returns the first result, when this request is a repeat; null when `work` ran
   */
  async run<T>(
    { actor, key, target, body }: IdempotentRequest,
    work: (attempt: Attempt) => Promise<Outcome<T>>,
  ): Promise<{ repeated: T } | null> {
    if (key.length === 0 || key.length > 255) {
      throw new AppError("malformed", "An Idempotency-Key has 1 to 255 characters.");
    }
    const claimKey = { actor, keyHash: hash("key", key) };
    const claim = await this.claim(claimKey, hash("request", ...target, body));
    if (claim.state === "running") throw new AppError("idempotency_in_progress", undefined, { retry_after: 1 });
    if (claim.state === "mismatch") throw new AppError("idempotency_key_reused");

    // Results may hold tokens. They are sealed with what only the client knows: the key and the body themselves.
    const secret = hash("seal", key, body);
    if (claim.state === "done") return { repeated: open<T>(secret, claim.result) };
    const mark = hash("mark", actor, key).toString("hex").slice(0, 32);
    const outcome = await work({ mark, isRetry: claim.attempt > 1 });
    if (outcome.key === "release") await this.release(claimKey, claim.attempt);
    if (outcome.key === "keep") await this.saveResult(claimKey, claim.attempt, seal(secret, outcome.result));
    return null;
  }

  async claim({ actor, keyHash }: ClaimKey, requestHash: Uint8Array): Promise<Claim> {
    const [claimed] = await this.#sql<{ attempt: number }[]>`
      insert into idempotency_keys as stored (actor, key_hash, request_hash, lease_until)
      values (${actor}, ${keyHash}, ${requestHash}, now() + make_interval(secs => ${LEASE_SECONDS}))
      on conflict (actor, key_hash) do update
         set request_hash = excluded.request_hash, lease_until = excluded.lease_until,
             attempt = stored.attempt + 1, answer = null, created_at = now()
       where stored.created_at < now() - interval '24 hours'
          or (stored.answer is null and stored.lease_until < now() and stored.request_hash = excluded.request_hash)
      returning attempt`;
    if (claimed !== undefined) return { state: "claimed", attempt: claimed.attempt };
    const [stored] = await this.#sql<{ same: boolean; result: Uint8Array | null }[]>`
      select request_hash = ${requestHash} as same, answer as result
        from idempotency_keys where actor = ${actor} and key_hash = ${keyHash}`;
    // No row: the first attempt has just failed and released the key. The client tries again in a second.
    if (stored === undefined) return { state: "running" };
    if (!stored.same) return { state: "mismatch" };
    return stored.result === null ? { state: "running" } : { state: "done", result: stored.result };
  }

  /** Stores the sealed result, unless another attempt has taken over meanwhile. */
  async saveResult({ actor, keyHash }: ClaimKey, attempt: number, result: Uint8Array): Promise<void> {
    await this.#sql`
      update idempotency_keys set answer = ${result}
       where actor = ${actor} and key_hash = ${keyHash} and attempt = ${attempt}`;
  }

  /** Releases an attempt that did nothing, so that the next one runs; the count of attempts before stays. */
  async release({ actor, keyHash }: ClaimKey, attempt: number): Promise<void> {
    if (attempt === 1)
      await this.#sql`delete from idempotency_keys where actor = ${actor} and key_hash = ${keyHash} and attempt = 1`;
    else
      await this.#sql`
        update idempotency_keys set lease_until = '-infinity'
         where actor = ${actor} and key_hash = ${keyHash} and attempt = ${attempt}`;
  }

  /** Removes what is older than 24 h; returns how many rows that were. Run it every hour. */
  async sweep(): Promise<number> {
    return repeatUntilEmpty(async () => {
      const { count } = await this.#sql`
        delete from idempotency_keys where created_at < now() - interval '24 hours' and (actor, key_hash) in (
          select actor, key_hash from idempotency_keys where created_at < now() - interval '24 hours'
           order by created_at limit ${SWEEP_BATCH})`;
      return count;
    });
  }
}

/** Whose name a key is stored under: of the person, of the service token, or of the address of an anonymous client. */
export function getKeyOwner(caller: Caller, address: string): string {
  if (caller.kind === "user") return `user:${caller.userId}`;
  return caller.kind === "service" ? `service:${caller.tokenId}` : `address:${address}`;
}

function hash(purpose: string, ...parts: (string | Uint8Array)[]): Buffer {
  const digest = createHash("sha256").update(purpose);
  for (const part of parts) digest.update(`\0${part.length}\0`).update(part);
  return digest.digest();
}

/** AES-256-GCM: nonce (12 bytes), tag (16), text. */
function seal(secret: Buffer, result: unknown): Uint8Array {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", secret, nonce);
  const text = Buffer.concat([cipher.update(JSON.stringify(result), "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
}

function open<T>(secret: Buffer, sealed: Uint8Array): T {
  const decipher = createDecipheriv("aes-256-gcm", secret, sealed.subarray(0, 12));
  decipher.setAuthTag(sealed.subarray(12, 28));
  const text = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
  return JSON.parse(text.toString("utf8"));
}
