import { AppError } from "../platform/errors.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import { hashOf } from "./secret.ts";
import { countHits, giveBackHits } from "./store/rate-limits.ts";

const MINUTE = 60_000;

/** How often something may be tried: `hits` in any window of `window` ms that begins with the first of them. */
export const LIMITS = {
  /** Wrong passwords for one account from one address. */
  login: { hits: 10, window: 15 * MINUTE },
  /** Wrong passwords from one address, for any account: a venue's visitors may share one. */
  loginByAddress: { hits: 100, window: 15 * MINUTE },
  /** Wrong passwords for one account from everywhere: above what one address can do, so that it alone locks nobody out. */
  loginByAccount: { hits: 200, window: 60 * MINUTE },
  register: { hits: 100, window: 60 * MINUTE },
  resetByAddress: { hits: 20, window: 60 * MINUTE },
  /** Mails to one person. */
  resetByAccount: { hits: 3, window: 60 * MINUTE },
} as const;

export type LimitName = keyof typeof LIMITS;

/** What is limited, and for whom. */
export type Limited = readonly [LimitName, ...subject: string[]];

/** Counts in PostgreSQL: exact under any number of racing requests and nodes, and across restarts. */
export class Limits {
  constructor(
    private readonly sql: Sql,
    private readonly limits: Record<LimitName, { hits: number; window: number }> = LIMITS,
  ) {}

  /** Counts one try for each, together. Throws `rate_limited` with `retry_after` (seconds) when one has had its fill. */
  async take(...what: Limited[]): Promise<void> {
    const counted = await countHits(
      this.sql,
      what.map((limited) => ({ key: keyOf(limited), window: this.limits[limited[0]].window })),
    );
    const waits = what.flatMap((limited) => {
      const row = counted.find(({ key }) => keyOf(limited) === key);
      return row && row.hits > this.limits[limited[0]].hits ? [row.wait] : [];
    });
    if (waits.length === 0) return;
    const seconds = Math.max(1, Math.ceil(Math.max(...waits) / 1_000));
    throw new AppError("rate_limited", `Too many attempts. Try again in ${inWords(seconds)}.`, {
      retry_after: seconds,
    });
  }

  /** Undoes `take` for an attempt that was none: the right password. */
  async giveBack(...what: Limited[]): Promise<void> {
    await giveBackHits(this.sql, what.map(keyOf));
  }
}

function keyOf(limited: Limited): string {
  return hashOf(JSON.stringify(limited));
}

function inWords(seconds: number): string {
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
