import { timingSafeEqual } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceCaller } from "../platform/caller.ts";
import { digestSecret } from "../platform/digest.ts";
import { AppError } from "../platform/errors.ts";
import { toAppError } from "../platform/postgres/database-errors.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import { createUnlimitedService, LOOPBACK } from "../platform/scopes.ts";
import type { Realtime } from "../realtime/index.ts";
import type { ServerApiDeps, ServiceCallers } from "./index.ts";
import { findValidTokens, touchTokens, type ValidToken } from "./store/service-tokens.ts";

/** Changes of tokens on any node are entries here: {token_id}. */
export const TOKENS_ROOM = "_service_tokens";

/** Maximum age of the cached tokens, in ms, even if no node announced a change. */
const MAX_AGE_MS = 5_000;
/** An unknown token may have been created a moment ago on another node. All unknown tokens within this time, in ms, cost one query. */
const UNKNOWN_BATCH_MS = 250;
/** Interval in ms at which the last use of tokens is stored. */
const TOUCH_INTERVAL_MS = 60_000;
/** ms after which a change that could not be read is read again: until then the sockets of a revoked token are open. */
const RETRY_MS = 500;

const TOKEN_PATTERN = /^ust_([1-9][0-9]{0,18})_([A-Za-z0-9_-]{43})$/;

interface CachedToken extends ValidToken {
  /** Unix ms; null: it has no end, or no such secret. */
  until: number | null;
  previousUntil: number | null;
}

/**
 * All valid service tokens, in memory: there are never many, so a call costs no query, and neither does a made-up token.
 * A change on any node is known within a second by the internal room; after five seconds in any case.
 */
export class TokenCache implements ServiceCallers {
  readonly #sql: Sql;
  readonly #now: () => number;
  /** ms by a monotonic clock: the age of cached values. */
  readonly #elapsed: () => number;
  readonly #staticHash: Buffer | null;
  readonly #onError: (error: unknown) => void;
  readonly #realtime: Pick<Realtime, "endService">;
  #tokens = new Map<string, CachedToken>();
  /** The hash of the secret that a caller sent. */
  readonly #secrets = new WeakMap<ServiceCaller, Buffer>();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;
  #unknownRead: Promise<void> | null = null;
  #changes = 0;
  #used = new Set<string>();
  #stopped = false;
  #retryTimer: ReturnType<typeof setTimeout> | null = null;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    deps: Pick<ServerApiDeps, "sql" | "now" | "staticToken" | "onError"> & {
      realtime: Pick<Realtime, "watch" | "endService">;
    },
    elapsed = () => performance.now(),
  ) {
    this.#sql = deps.sql;
    this.#now = deps.now;
    this.#elapsed = elapsed;
    this.#staticHash = deps.staticToken === null ? null : digestSecret(deps.staticToken);
    this.#onError = deps.onError;
    this.#realtime = deps.realtime;
    this.#timer = setInterval(() => void this.flush(), TOUCH_INTERVAL_MS);
    this.#timer.unref?.();
    deps.realtime.watch(TOKENS_ROOM, {
      entry: () => void this.reload(),
      interrupted: () => void this.reload(),
    });
  }

  /** Whether the text has the form of a service token, or is the static one. */
  isServiceToken(token: string): boolean {
    return token.startsWith("ust_") || this.#isStatic(token);
  }

  async authenticate(token: string): Promise<ServiceCaller> {
    if (this.#isStatic(token)) return STATIC_CALLER;
    const [, id] = TOKEN_PATTERN.exec(token) ?? [];
    if (id === undefined) throw new AppError("unauthenticated", "This is not a service token.");
    await this.#read(MAX_AGE_MS);
    if (this.#check(token) === null) await this.#readForUnknown();
    const caller = this.#check(token);
    if (caller === null)
      throw new AppError("unauthenticated", "This service token is not known: it was revoked, rotated or has expired.");
    this.#used.add(caller.tokenId);
    return caller;
  }

  /** The same without a query: null when the tokens would have to be read for it. */
  findCached(token: string): ServiceCaller | null {
    if (this.#isStatic(token)) return STATIC_CALLER;
    if (this.#elapsed() - this.#readAt > MAX_AGE_MS) return null;
    const caller = this.#check(token);
    if (caller !== null) this.#used.add(caller.tokenId);
    return caller;
  }

  /** False when the token is no longer valid, as far as this node knows. */
  isCurrent(caller: ServiceCaller): boolean {
    const { tokenId, expiresAt } = caller;
    if (tokenId === LOOPBACK) return true;
    if (tokenId === STATIC_CALLER.tokenId) return this.#staticHash !== null;
    const token = this.#tokens.get(tokenId);
    if (token === undefined || (expiresAt != null && expiresAt <= this.#now())) return false;
    const secret = this.#secrets.get(caller);
    if (secret === undefined || timingSafeEqual(secret, token.secret_hash)) return true;
    // Rotated: a caller that knows when the previous secret ends may stay until then; the others connect again.
    return expiresAt != null && token.previous_hash !== null && timingSafeEqual(secret, token.previous_hash);
  }

  /** Tokens have changed, here or on another node: reads all again, and closes the sockets of tokens that no longer exist. */
  async reload(): Promise<void> {
    this.#changes++;
    this.#readAt = Number.NEGATIVE_INFINITY;
    try {
      await this.#read(0);
    } catch (error) {
      this.#onError(error);
      if (!this.#stopped) this.#retryTimer ??= setTimeout(() => this.#retry(), RETRY_MS);
    }
  }

  #retry(): void {
    this.#retryTimer = null;
    void this.reload();
  }

  /** Stores which tokens were used since the last time. */
  async flush(): Promise<void> {
    if (this.#used.size === 0) return;
    const ids = [...this.#used];
    this.#used = new Set();
    await touchTokens(this.#sql, ids).catch(this.#onError);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    await this.flush();
  }

  #isStatic(token: string): boolean {
    return this.#staticHash !== null && timingSafeEqual(digestSecret(token), this.#staticHash);
  }

  #check(token: string): ServiceCaller | null {
    const [, id = "", secret = ""] = TOKEN_PATTERN.exec(token) ?? [];
    const cached = this.#tokens.get(id);
    if (cached === undefined) return null;
    const hash = digestSecret(secret);
    const now = this.#now();
    if (cached.until !== null && cached.until <= now) return null;
    const caller = {
      kind: "service" as const,
      tokenId: id,
      name: cached.name,
      scopes: cached.scopes,
      rooms: cached.rooms,
    };
    if (timingSafeEqual(hash, cached.secret_hash))
      return this.#bindSecret(hash, { ...caller, expiresAt: cached.until });
    const { previous_hash: previous, previousUntil } = cached;
    if (previous === null || previousUntil === null || previousUntil <= now) return null;
    if (!timingSafeEqual(hash, previous)) return null;
    return this.#bindSecret(hash, {
      ...caller,
      expiresAt: Math.min(previousUntil, cached.until ?? Number.POSITIVE_INFINITY),
    });
  }

  #bindSecret(secret: Buffer, caller: ServiceCaller): ServiceCaller {
    this.#secrets.set(caller, secret);
    return caller;
  }

  /** Reads the tokens as they are now, once for all callers of this time. */
  #readForUnknown(): Promise<void> {
    this.#unknownRead ??= sleep(Math.max(0, this.#readAt + UNKNOWN_BATCH_MS - this.#elapsed())).then(() => {
      this.#unknownRead = null;
      return this.#read(0);
    });
    return this.#unknownRead;
  }

  /** Ensures that the tokens are at most `age` ms older than the call. */
  async #read(age: number): Promise<void> {
    const since = this.#elapsed() - age;
    while (this.#readAt < since) {
      this.#reading ??= this.#readNow().finally(() => {
        this.#reading = null;
      });
      await this.#reading;
    }
  }

  async #readNow(): Promise<void> {
    const [startedAt, now, changes] = [this.#elapsed(), this.#now(), this.#changes];
    const rows = await findValidTokens(this.#sql).catch((error: unknown) => {
      throw toAppError(error);
    });
    const at = (left: number | null) => (left === null ? null : now + left);
    const before = this.#tokens;
    this.#tokens = new Map(
      rows.map((row) => [row.id, { ...row, until: at(row.left), previousUntil: at(row.previous_left) }]),
    );
    // What changed while we read may not be in it; then the next caller reads once more.
    if (changes === this.#changes) this.#readAt = startedAt;
    for (const { id, secret_hash } of before.values()) this.#endSockets(id, secret_hash);
  }

  /** Closes those that connected with a secret that is no longer the last one: now, or when its overlap ends. */
  #endSockets(id: string, secretBefore: Uint8Array): void {
    const token = this.#tokens.get(id);
    if (token !== undefined && timingSafeEqual(secretBefore, token.secret_hash)) return;
    const wasPrevious = token?.previous_hash != null && timingSafeEqual(secretBefore, token.previous_hash);
    this.#realtime.endService(id, (wasPrevious ? token?.previousUntil : null) ?? this.#now());
  }
}

const STATIC_CALLER: ServiceCaller = createUnlimitedService("GRPC_TOKEN");
