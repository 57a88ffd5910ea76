import type { CloseReason } from "../../../protocol/codes.ts";
import type { ServiceCaller, UserCaller } from "../../platform/caller.ts";
import type { Clock } from "../../platform/clock.ts";
import { AppError } from "../../platform/errors.ts";
import type { LongResponse, LongResponseOptions } from "../index.ts";
import type { Authenticate } from "../transport.ts";

/** ms between two checks for expired credentials. */
const CHECK_INTERVAL_MS = 1_000;

type KnownCaller = UserCaller | ServiceCaller;

interface OpenResponse extends Omit<LongResponseOptions, "allows"> {
  caller: KnownCaller;
  allows: (caller: KnownCaller) => boolean;
  abort: AbortController;
}

/**
 * HTTP responses that go on for a while and are no connection of the hub: a trace, a wait for changes. Their callers are
 * authorised once, so each ends with what ends a connection (session, ban, token, address), and with the loss of the right to it.
 */
export class LongResponses {
  readonly #open = new Set<OpenResponse>();
  readonly #authenticate: Authenticate;
  readonly #clock: Clock;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(authenticate: Authenticate, clock: Clock) {
    this.#authenticate = authenticate;
    this.#clock = clock;
  }

  /** Throws `unauthenticated`, `banned`, `forbidden`: the credential may have ended while the request was on its way. */
  readonly begin = ({ caller, address, allows = () => true }: LongResponseOptions): LongResponse => {
    const open: OpenResponse = { caller, address, allows, abort: new AbortController() };
    if (!this.#authenticate.isCurrent(caller)) throw createRefusal("signed_out");
    if (address !== null && this.#authenticate.isBanned?.(address)) throw createRefusal("banned");
    if (!allows(caller)) throw new AppError("forbidden");
    this.#open.add(open);
    this.#timer ??= setInterval(() => this.#checkExpiry(), CHECK_INTERVAL_MS);
    return { signal: open.abort.signal, end: () => this.#remove(open) };
  };

  /** The people with open responses on this node. */
  getCallers(): UserCaller[] {
    return [...this.#open].map(({ caller }) => caller).filter((caller) => caller.kind === "user");
  }

  endSession(sessionId: string, reason: CloseReason): void {
    this.#end(({ caller }) => caller.kind === "user" && caller.sessionId === sessionId, createRefusal(reason));
  }

  /** Those of a person whose callers match. */
  endUser(userId: string, reason: CloseReason, matches: (caller: UserCaller) => boolean): void {
    const isTheirs = ({ caller }: OpenResponse) =>
      caller.kind === "user" && caller.userId === userId && matches(caller);
    this.#end(isTheirs, createRefusal(reason));
  }

  endFrom(matches: (address: string) => boolean, reason: CloseReason): void {
    this.#end(({ address }) => address !== null && matches(address), createRefusal(reason));
  }

  endWhere(ends: (caller: KnownCaller) => boolean, reason: CloseReason): void {
    this.#end(({ caller }) => ends(caller), createRefusal(reason));
  }

  endAll(reason: CloseReason): void {
    this.#end(() => true, createRefusal(reason));
  }

  /** A service's token ends at this time, in Unix ms, if it did not end before. */
  endService(tokenId: string, at: number): void {
    for (const open of this.#open) {
      const { caller } = open;
      if (caller.kind !== "service" || caller.tokenId !== tokenId) continue;
      open.caller = { ...caller, expiresAt: Math.min(at, caller.expiresAt ?? at) };
    }
    this.#checkExpiry();
  }

  /** A person has another role: responses that it does not allow end. */
  updateUser(userId: string, { username, role }: Pick<UserCaller, "username" | "role">): void {
    for (const open of this.#open) {
      const { caller } = open;
      if (caller.kind === "user" && caller.userId === userId) open.caller = { ...caller, username, role };
    }
    this.#end((open) => !open.allows(open.caller), new AppError("forbidden"));
  }

  stop(): void {
    this.endAll("draining");
  }

  #checkExpiry(): void {
    const now = this.#clock.now();
    this.#end(({ caller }) => caller.expiresAt !== null && caller.expiresAt <= now, createRefusal("token_expired"));
  }

  #end(ends: (open: OpenResponse) => boolean, reason: AppError): void {
    for (const open of [...this.#open].filter(ends)) {
      this.#remove(open);
      open.abort.abort(reason);
    }
  }

  #remove(open: OpenResponse): void {
    this.#open.delete(open);
    if (this.#open.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

function createRefusal(reason: CloseReason): AppError {
  if (reason === "banned") return new AppError("banned");
  return new AppError(reason === "draining" ? "unavailable" : "unauthenticated");
}
