import { AppError } from "./errors.ts";

/** argon2id with OWASP's minimum parameters (19 MiB, two passes): about 30 ms of one core. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** A dummy hash with the parameters above, so that an unknown name costs what a known one costs. */
export const DUMMY_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$Ofbe4t7Wgn4PcMsdo6d/BD1fIAMO9qpecCX51q9aumk$uxhQ/uNwMMj+zD5gmDBNaFjM/wV9kxgOJ6SJwRAnSQ4";

/** Hashing of passwords, off the event loop and bounded. */
export interface Passwords {
  /** A PHC string. Throws AppError `unavailable` when too many wait. */
  hash(password: string): Promise<string>;
  /** Whether `password` made `hash`. Null is never matched and takes the same time. Throws as `hash` does. */
  verify(password: string, hash: string | null): Promise<boolean>;
}

/** @param maxRunning hashes that run together (each takes a core and 19 MiB) @param maxWaiting hashes that wait for them */
export function createPasswords(maxRunning = 2, maxWaiting = 200): Passwords {
  let running = 0;
  const queue: (() => void)[] = [];

  async function runLimited<T>(work: () => Promise<T>): Promise<T> {
    if (running >= maxRunning) {
      if (queue.length >= maxWaiting) {
        throw new AppError("unavailable", "Too many people are signing in right now. Try again in a few seconds.", {
          retry_after: 5,
        });
      }
      // The one that finishes passes on its slot: `running` stays as it is.
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
    hash: (password) => runLimited(() => Bun.password.hash(normalize(password), ARGON2ID)),
    async verify(password, hash) {
      const same = await runLimited(() => Bun.password.verify(normalize(password), hash ?? DUMMY_HASH));
      return same && hash !== null;
    },
  };
}

/** NFKC, so that the same characters typed on another keyboard are the same password (RFC 8265). */
function normalize(password: string): string {
  return password.normalize("NFKC");
}
