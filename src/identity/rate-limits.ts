import { AppError } from "../platform/errors.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import { hashSecret } from "./secret.ts";
import { countHits, refundHits } from "./store/rate-limits.ts";

const MINUTE_MS = 60_000;

/** Rate limits: `hits` in any window of `windowMs` that starts with the first of them. */
export const RATE_LIMITS = {
  /** Wrong passwords for one account from one address. */
  login: { hits: 10, windowMs: 15 * MINUTE_MS },
  /** Wrong passwords from one address, for any account: a venue's visitors may share one. */
  loginByAddress: { hits: 100, windowMs: 15 * MINUTE_MS },
  /** Wrong passwords for one account from everywhere: above the limit of one address, so that one alone cannot lock the account. */
  loginByAccount: { hits: 200, windowMs: 60 * MINUTE_MS },
  register: { hits: 100, windowMs: 60 * MINUTE_MS },
  resetByAddress: { hits: 20, windowMs: 60 * MINUTE_MS },
  /** Mails to one person. */
  resetByAccount: { hits: 3, windowMs: 60 * MINUTE_MS },
} as const;

export type RateLimitName = keyof typeof RATE_LIMITS;

/** What is limited, and for whom. */
export type RateLimitKey = readonly [RateLimitName, ...subject: string[]];

/** Counts in PostgreSQL: exact under any number of racing requests and nodes, and across restarts. */
export class RateLimits {
  constructor(
    private readonly sql: Sql,
    private readonly limits: Record<RateLimitName, { hits: number; windowMs: number }> = RATE_LIMITS,
  ) {}

  /** Counts one try for each, together. Throws `rate_limited` with `retry_after` (seconds) when one is over its limit. */
  async consume(...what: RateLimitKey[]): Promise<void> {
    const counted = await countHits(
      this.sql,
      what.map((limited) => ({ key: hashKey(limited), windowMs: this.limits[limited[0]].windowMs })),
    );
    const waits = what.flatMap((limited) => {
      const row = counted.find(({ key }) => hashKey(limited) === key);
      return row && row.hits > this.limits[limited[0]].hits ? [row.wait] : [];
    });
    if (waits.length === 0) return;
    const seconds = Math.max(1, Math.ceil(Math.max(...waits) / 1_000));
    throw new AppError("rate_limited", `Too many attempts. Try again in ${formatDuration(seconds)}.`, {
      retry_after: seconds,
    });
  }

  /** Undoes `consume` for an attempt that does not count: the right password. */
  async refund(...what: RateLimitKey[]): Promise<void> {
    await refundHits(this.sql, what.map(hashKey));
  }
}

function hashKey(limited: RateLimitKey): string {
  return hashSecret(JSON.stringify(limited));
}

function formatDuration(seconds: number): string {
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
