import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { Connection } from "./connection.ts";
import type { HubLimits } from "./index.ts";
import type { People } from "./people.ts";

/** An address from which anonymous connections came, or a service token, and how many of them are open. */
export interface Source {
  readonly key: string;
  open: number;
}

/** Says when a person, a service, or an address without either, has as many connections as it may have (SPEC CN-8). */
export class Admission {
  readonly #people: People;
  readonly #limits: Pick<HubLimits, "socketsPerPerson" | "anonymousPerAddress">;
  readonly #sources = new Map<string, Source>();

  constructor(people: People, limits: Pick<HubLimits, "socketsPerPerson" | "anonymousPerAddress">) {
    this.#people = people;
    this.#limits = limits;
  }

  /**
   * What the connection counts for: the source of an anonymous one or a service's, null for a person's. Throws `rate_limited`.
   *
   * @param address whose requests count together, as `addressKey` says
   */
  admit(caller: Caller, address: string): Source | null {
    if (caller.kind === "user") {
      if (this.#people.of(caller.userId).length >= this.#limits.socketsPerPerson)
        throw tooMany("You have as many connections open as one person may have. Close one of them.");
      return null;
    }
    if (caller.kind === "service") {
      const source = this.#source(`token ${caller.tokenId}`);
      if (source.open >= this.#limits.socketsPerPerson)
        throw tooMany("This token has as many connections open as it may have. Close one of them.");
      return source;
    }
    const source = this.#source(address);
    if (source.open >= this.#limits.anonymousPerAddress)
      throw tooMany("Your address has as many anonymous connections open as it may have. Sign in, or close one.");
    return source;
  }

  #source(key: string): Source {
    return this.#sources.get(key) ?? { key, open: 0 };
  }

  opened({ source }: Connection): void {
    if (source === null) return;
    source.open++;
    this.#sources.set(source.key, source);
  }

  /** An anonymous connection that was signed in counts for its address, too, until it ends. */
  closed({ source }: Connection): void {
    if (source === null) return;
    source.open--;
    if (source.open === 0) this.#sources.delete(source.key);
  }
}

const RETRY_AFTER = 60;

function tooMany(detail: string): AppError {
  return new AppError("rate_limited", detail, { retry_after: RETRY_AFTER });
}
