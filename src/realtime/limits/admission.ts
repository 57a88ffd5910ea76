import type { Caller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import type { Connection } from "../connections/connection.ts";
import type { UserConnections } from "../connections/user-connections.ts";
import type { HubLimits } from "../deps.ts";
import type { KeyCounts } from "../index.ts";

/** An address of anonymous connections, or a service token, and how many of its connections are open. */
export interface AdmissionSource {
  readonly key: string;
  openCount: number;
}

/** The other nodes, for a limit that all nodes share. */
export interface OtherNodes {
  /** Number of live nodes, including this one. */
  countNodes(): number;
  /** How many connections count for each of these keys on the other nodes. */
  countElsewhere(keys: readonly string[]): Promise<KeyCounts>;
}

/** ms for which a count of the other nodes is fresh enough for a refusal. */
const FRESH_MS = 1_000;

/** Refuses connections beyond the limit of a person, a service, or an address of anonymous ones (SPEC CN-8). */
export class Admission {
  readonly #userConnections: UserConnections;
  readonly #limits: Pick<HubLimits, "socketsPerPerson" | "anonymousPerAddress">;
  readonly #otherNodes: OtherNodes;
  readonly #sources = new Map<string, AdmissionSource>();
  /** Counts of the other nodes, the oldest first. */
  readonly #countsElsewhere = new Map<string, { count: number; until: number }>();

  constructor(
    userConnections: UserConnections,
    limits: Pick<HubLimits, "socketsPerPerson" | "anonymousPerAddress">,
    otherNodes: OtherNodes = {
      countNodes: () => 1,
      countElsewhere: async () => ({ counts: new Map(), partial: false }),
    },
  ) {
    this.#userConnections = userConnections;
    this.#limits = limits;
    this.#otherNodes = otherNodes;
  }

  /**
   * Asks the other nodes, unless the caller has so few connections here that all nodes which did not ask have at most a tenth of
   * the limit together: so an ordinary caller costs no request, and all nodes together admit at most a tenth too many. A node
   * that does not reply counts as zero: a dead node's connections are free at once, and without a broker each node counts alone.
   */
  readonly prepare = async (caller: Caller, address: string): Promise<void> => {
    const key = getKey(caller, address);
    const others = this.#otherNodes.countNodes() - 1;
    if (others < 1 || this.countOpen(key) + 1 <= this.#getMax(caller) / 10 / others) return;
    // A caller that is refused causes one request a second, however often they try.
    if (this.countOpen(key) + (this.#getCountElsewhere(key) ?? 0) >= this.#getMax(caller)) return;
    const { counts } = await this.#otherNodes.countElsewhere([key]);
    this.#countsElsewhere.delete(key);
    this.#countsElsewhere.set(key, { count: counts.get(key) ?? 0, until: performance.now() + FRESH_MS });
  };

  /** Connections of this node that count for a key. */
  countOpen(key: string): number {
    if (key.startsWith(USER_PREFIX)) return this.#userConnections.get(key.slice(USER_PREFIX.length)).length;
    return this.#sources.get(key)?.openCount ?? 0;
  }

  /**
   * What the connection counts for: the source of an anonymous one or a service's, null for a person's. Throws `rate_limited`.
   *
   * @param address whose requests count together, in the form of `addressKey`
   */
  admit(caller: Caller, address: string): AdmissionSource | null {
    const key = getKey(caller, address);
    if (this.countOpen(key) + (this.#getCountElsewhere(key) ?? 0) >= this.#getMax(caller))
      throw createRateLimited(REFUSALS[caller.kind]);
    return caller.kind === "user" ? null : (this.#sources.get(key) ?? { key, openCount: 0 });
  }

  #getMax(caller: Caller): number {
    return caller.kind === "anonymous" ? this.#limits.anonymousPerAddress : this.#limits.socketsPerPerson;
  }

  /** Null: nothing fresh is known. */
  #getCountElsewhere(key: string): number | null {
    const now = performance.now();
    for (const [old, { until }] of this.#countsElsewhere) {
      if (until > now) break;
      this.#countsElsewhere.delete(old);
    }
    return this.#countsElsewhere.get(key)?.count ?? null;
  }

  opened({ source }: Connection): void {
    if (source === null) return;
    source.openCount++;
    this.#sources.set(source.key, source);
  }

  /** An anonymous connection that was signed in counts for its address, too, until it ends. */
  closed({ source }: Connection): void {
    if (source === null) return;
    source.openCount--;
    if (source.openCount === 0) this.#sources.delete(source.key);
  }
}

const USER_PREFIX = "user ";

/** What a connection counts for. */
function getKey(caller: Caller, address: string): string {
  if (caller.kind === "user") return USER_PREFIX + caller.userId;
  return caller.kind === "service" ? `token ${caller.tokenId}` : `address ${address}`;
}

const REFUSALS = {
  user: "You have as many connections open as one person may have. Close one of them.",
  service: "This token has as many connections open as it may have. Close one of them.",
  anonymous: "Your address has as many anonymous connections open as it may have. Sign in, or close one.",
} as const;

const RETRY_AFTER_SECONDS = 60;

function createRateLimited(detail: string): AppError {
  return new AppError("rate_limited", detail, { retry_after: RETRY_AFTER_SECONDS });
}
