import { AppError } from "./errors.ts";

/** argon2id with OWASP's least parameters (19 MiB, two passes): about 30 ms of one core. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** A hash of nobody's password with the parameters above, so that an unknown name costs what a known one costs. */
export const NOBODY =
  "$argon2id$v=19$m=19456,t=2,p=1$Nbq/FCRzgx1Fv22qxYioTCm3GW/Y9KLSALB8hJ+IF5M$jIFb8GlD112NQXHMpgmbgAuDZmgGdSF+npqvsJv0B0A";

/** Hashing of passwords, off the event loop and bounded. */
export interface Passwords {
  /** A PHC string. Throws AppError `unavailable` when too many wait. */
  hash(password: string): Promise<string>;
  /** Whether `password` made `hash`. Null is never matched and takes the same time. Throws as `hash` does. */
  verify(password: string, hash: string | null): Promise<boolean>;
}

/** @param atOnce most hashes that run together (each takes a core and 19 MiB) @param waiting most that wait behind them */
export function createPasswords(atOnce = 2, waiting = 200): Passwords {
  let running = 0;
  const queue: (() => void)[] = [];

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= atOnce) {
      if (queue.length >= waiting) {
        throw new AppError("unavailable", "Too many people are signing in right now. Try again in a few seconds.", {
          retry_after: 5,
        });
      }
      // Whoever finishes hands over his place: `running` stays as it is.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  }

  return {
    hash: (password) => inTurn(() => Bun.password.hash(normalized(password), ARGON2ID)),
    async verify(password, hash) {
      const same = await inTurn(() => Bun.password.verify(normalized(password), hash ?? NOBODY));
      return same && hash !== null;
    },
  };
}

/** NFKC, so that the same characters typed on another keyboard are the same password (RFC 8265). */
function normalized(password: string): string {
  return password.normalize("NFKC");
}
