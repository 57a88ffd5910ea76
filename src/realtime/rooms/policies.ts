import type { Code } from "../../../protocol/codes.ts";
import { type RoomKind, roomId, roomKind } from "../../../protocol/rooms.ts";
import { type Caller, coversRoom, type ServiceCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import { createLoader } from "../../platform/loader.ts";
import type { LogEntry } from "../../platform/log/entry.ts";
import type { Expelled, RoomAccessRequest, RoomPolicy } from "../index.ts";

/** Requests of one bulk check. */
const MAX_REQUESTS_PER_CHECK = 5_000;

type Check = (request: RoomAccessRequest) => Promise<Code | null>;

/** Who may join which room: decided by the module that owns the prefix. A kind without an owner is not found. */
export class Policies {
  readonly #checks = new Map<RoomKind, Check>();
  readonly #policies = new Map<RoomKind, RoomPolicy>();

  readonly register = (kind: RoomKind, policy: RoomPolicy): void => {
    if (this.#checks.has(kind)) throw new Error(`two modules claim the rooms "${kind}:"`);
    this.#policies.set(kind, policy);
    this.#checks.set(kind, policy.authorizeMany === undefined ? checkOne(policy) : checkMany(policy, kind));
  };

  /** Null or the refusal for each, in order. Throws a policy's errors that are not refusals. */
  authorize(requests: readonly RoomAccessRequest[]): Promise<(Code | null)[]> {
    return Promise.all(requests.map((request) => this.#check(request)));
  }

  /** Throws AppError when the caller may not join the room. */
  readonly requireAccess = async (caller: Caller, room: string): Promise<void> => {
    const refusal = await this.#check({ caller, room });
    if (refusal !== null) throw new AppError(refusal);
  };

  /** Throws AppError when the caller may not see who is in a room: a service by scope and pattern, a person where they may join. */
  async requirePresenceAccess(caller: Caller, room: string): Promise<void> {
    if (caller.kind !== "service") await this.requireAccess(caller, room);
    else if (!caller.scopes.includes("presence") || !coversRoom(caller.rooms, room)) throw new AppError("forbidden");
  }

  /** The person that an entry removes from its room; null: no one. */
  findExpelled(entry: LogEntry): Expelled | null {
    return this.#policies.get(roomKind(entry.room))?.findExpelled?.(entry) ?? null;
  }

  /** Whether entries may remove people from such a room. */
  canExpel(room: string): boolean {
    return this.#policies.get(roomKind(room))?.findExpelled !== undefined;
  }

  hasMembers(kind: RoomKind): boolean {
    return this.#policies.get(kind)?.hasMembers ?? false;
  }

  #check(request: RoomAccessRequest): Code | null | Promise<Code | null> {
    const kind = roomKind(request.room);
    if (request.caller.kind === "service") return checkService(request.caller, request.room);
    if (kind === "all") return null;
    if (kind === "user") return checkOwnRoom(request.caller, request.room);
    return this.#checks.get(kind)?.(request) ?? "not_found";
  }
}

/** A service reads the rooms that its token names, also those of people. */
function checkService({ scopes, rooms }: ServiceCaller, room: string): Code | null {
  return scopes.includes("subscribe") && coversRoom(rooms, room) ? null : "forbidden";
}

/** `user:<id>` is that person's alone. */
function checkOwnRoom(caller: Caller, room: string): Code | null {
  if (caller.kind !== "user") return "unauthenticated";
  return caller.userId === roomId(room) ? null : "not_found";
}

function checkOne(policy: RoomPolicy): Check {
  return async ({ caller, room }) => {
    try {
      await policy.authorize(caller, room);
      return null;
    } catch (error) {
      if (error instanceof AppError && error.status < 500) return error.code;
      throw error;
    }
  };
}

/** Checks at the same time are one query, and equal ones of a person are one request. */
function checkMany(policy: RoomPolicy, kind: RoomKind): Check {
  return createLoader<RoomAccessRequest, Code | null>({
    maxBatch: MAX_REQUESTS_PER_CHECK,
    toText: ({ caller, room }) => `${caller.kind === "user" ? caller.userId : ""} ${roomId(room)}`,
    async read(requests) {
      const refusals = await policy.authorizeMany!(requests);
      if (refusals.length !== requests.length)
        throw new Error(`the policy of "${kind}:" returned ${refusals.length} of ${requests.length} results`);
      return refusals;
    },
  });
}
