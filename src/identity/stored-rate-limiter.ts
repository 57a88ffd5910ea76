import { AppError } from "../platform/errors.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import { hashSecret } from "./secret.ts";
import { countAttempts, refundAttempts } from "./store/rate-limits.ts";

const MINUTE_MS = 60_000;

/** Maximum `attempts` in any window of `windowMs` that starts with the first of them. */
export const RATE_LIMITS = {
  /** Wrong passwords for one account from one address. */
  login: { attempts: 10, windowMs: 15 * MINUTE_MS },
  /** Wrong passwords from one address, for any account: a venue's visitors may share one. */
  loginByAddress: { attempts: 100, windowMs: 15 * MINUTE_MS },
  /** Wrong passwords for one account from everywhere: above the limit of one address, so that one alone cannot lock the account. */
  loginByAccount: { attempts: 200, windowMs: 60 * MINUTE_MS },
  register: { attempts: 100, windowMs: 60 * MINUTE_MS },
  resetByAddress: { attempts: 20, windowMs: 60 * MINUTE_MS },
  /** Mails to one person. */
  resetByAccount: { attempts: 3, windowMs: 60 * MINUTE_MS },
} as const;

export type RateLimitName = keyof typeof RATE_LIMITS;

/** Which limit, and whose attempts count together: an account, an address, or both. */
export type RateLimitKey = readonly [RateLimitName, ...subject: string[]];

/** Rate limiter with windows in PostgreSQL: exact under any number of racing requests and nodes, and across restarts. */
export class StoredRateLimiter {
  constructor(
    private readonly sql: Sql,
    private readonly limits: Record<RateLimitName, { attempts: number; windowMs: number }> = RATE_LIMITS,
  ) {}

  /** Counts one attempt for each key, together. Throws `rate_limited` with `retry_after` (seconds) when one is over its limit. */
  async consume(...keys: RateLimitKey[]): Promise<void> {
    const counted = await countAttempts(
      this.sql,
      keys.map((key) => ({ key: hashKey(key), windowMs: this.limits[key[0]].windowMs })),
    );
    const waits = keys.flatMap((key) => {
      const row = counted.find((row) => row.key === hashKey(key));
      return row && row.attempts > this.limits[key[0]].attempts ? [row.wait] : [];
    });
    if (waits.length === 0) return;
    const seconds = Math.max(1, Math.ceil(Math.max(...waits) / 1_000));
    throw new AppError("rate_limited", `Too many attempts. Try again in ${formatDuration(seconds)}.`, {
      retry_after: seconds,
    });
  }

  /** Undoes `consume` for an attempt that does not count: the right password. */
  async refund(...keys: RateLimitKey[]): Promise<void> {
    await refundAttempts(this.sql, keys.map(hashKey));
  }
}

function hashKey(key: RateLimitKey): string {
  return hashSecret(JSON.stringify(key));
}

function formatDuration(seconds: number): string {
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
