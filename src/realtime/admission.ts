import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { Connection } from "./connection.ts";
import type { HubLimits } from "./deps.ts";
import type { Counted } from "./index.ts";
import type { People } from "./people.ts";

/** An address from which anonymous connections came, or a service token, and how many of them are open. */
export interface Source {
  readonly key: string;
  open: number;
}

/** The other nodes, for a limit that counts for all. */
export interface Others {
  /** How many nodes live, this one too. */
  nodes(): number;
  /** How many connections count for each of these keys on the other nodes. */
  elsewhere(keys: readonly string[]): Promise<Counted>;
}

/** ms that an answer of the other nodes is good for a refusal. */
const FRESH = 1_000;

/** Says when a person, a service, or an address without either, has as many connections as it may have (SPEC CN-8). */
export class Admission {
  readonly #people: People;
  readonly #limits: Pick<HubLimits, "socketsPerPerson" | "anonymousPerAddress">;
  readonly #others: Others;
  readonly #sources = new Map<string, Source>();
  /** What the other nodes have said, the oldest first. */
  readonly #elsewhere = new Map<string, { count: number; until: number }>();

  constructor(
    people: People,
    limits: Pick<HubLimits, "socketsPerPerson" | "anonymousPerAddress">,
    others: Others = { nodes: () => 1, elsewhere: async () => ({ counts: new Map(), partial: false }) },
  ) {
    this.#people = people;
    this.#limits = limits;
    this.#others = others;
  }

  /**
   * Asks the other nodes, unless the caller has so few connections here that all nodes which did not ask come to a tenth of the
   * limit together: so an ordinary caller costs no question, and all nodes together let in at most a tenth too many. A node that
   * is silent counts nothing: a dead one's connections are free at once, and without a broker each node counts for itself.
   */
  async prepare(caller: Caller, address: string): Promise<void> {
    const key = keyOf(caller, address);
    const others = this.#others.nodes() - 1;
    if (others < 1 || this.open(key) + 1 <= this.#most(caller) / 10 / others) return;
    // Who is refused asks once a second, however often he tries.
    if (this.open(key) + (this.#countElsewhere(key) ?? 0) >= this.#most(caller)) return;
    const { counts } = await this.#others.elsewhere([key]);
    this.#elsewhere.delete(key);
    this.#elsewhere.set(key, { count: counts.get(key) ?? 0, until: performance.now() + FRESH });
  }

  /** Connections of this node that count for a key. */
  open(key: string): number {
    if (key.startsWith(PERSON)) return this.#people.of(key.slice(PERSON.length)).length;
    return this.#sources.get(key)?.open ?? 0;
  }

  /**
   * What the connection counts for: the source of an anonymous one or a service's, null for a person's. Throws `rate_limited`.
   *
   * @param address whose requests count together, as `addressKey` says
   */
  admit(caller: Caller, address: string): Source | null {
    const key = keyOf(caller, address);
    if (this.open(key) + (this.#countElsewhere(key) ?? 0) >= this.#most(caller)) throw tooMany(REFUSALS[caller.kind]);
    return caller.kind === "user" ? null : (this.#sources.get(key) ?? { key, open: 0 });
  }

  #most(caller: Caller): number {
    return caller.kind === "anonymous" ? this.#limits.anonymousPerAddress : this.#limits.socketsPerPerson;
  }

  /** Null: nothing fresh is known. */
  #countElsewhere(key: string): number | null {
    const now = performance.now();
    for (const [old, { until }] of this.#elsewhere) {
      if (until > now) break;
      this.#elsewhere.delete(old);
    }
    return this.#elsewhere.get(key)?.count ?? null;
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

const PERSON = "user ";

/** What a connection counts for. */
function keyOf(caller: Caller, address: string): string {
  if (caller.kind === "user") return PERSON + caller.userId;
  return caller.kind === "service" ? `token ${caller.tokenId}` : `address ${address}`;
}

const REFUSALS = {
  user: "You have as many connections open as one person may have. Close one of them.",
  service: "This token has as many connections open as it may have. Close one of them.",
  anonymous: "Your address has as many anonymous connections open as it may have. Sign in, or close one.",
} as const;

const RETRY_AFTER = 60;

function tooMany(detail: string): AppError {
  return new AppError("rate_limited", detail, { retry_after: RETRY_AFTER });
}
