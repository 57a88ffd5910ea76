import type { PublicUser } from "../../protocol/objects.ts";
import type { Config } from "../config/options.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { Api } from "../platform/http/api.ts";
import { createPasswords } from "../platform/password.ts";
import { byCookie, byToken } from "./authenticate.ts";
import { type Calls, callsOf } from "./calls.ts";
import { followChanges } from "./changes.ts";
import type { IdentityDeps } from "./deps.ts";
import { erasePerson, exportPerson } from "./erase.ts";
import { createVerifyForeign } from "./foreign-tokens.ts";
import { isTrusted } from "./foreign-trust.ts";
import { endOfOtherTokens, type IssuedSessions, issuedSessions } from "./issued-sessions.ts";
import { LastSeen } from "./last-seen.ts";
import { Limits } from "./limits.ts";
import { Living } from "./living.ts";
import { type Parts, publicUrlOf } from "./parts.ts";
import { getUsers } from "./people.ts";
import { RangeBans } from "./range-bans.ts";
import { Refusals } from "./refusals.ts";
import { registration } from "./register.ts";
import { addAccountRoutes } from "./routes/accounts.ts";
import { addAdminRoutes } from "./routes/admin.ts";
import { addAuthRoutes } from "./routes/auth.ts";
import { addJwksRoute } from "./routes/jwks.ts";
import { addSessionRoutes } from "./routes/sessions.ts";
import { addUserRoutes } from "./routes/users.ts";
import { makeSetupCode } from "./setup-code.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { ownerExists } from "./store/users.ts";
import { sweep } from "./sweep.ts";
import { createTokens } from "./tokens.ts";

export type { IdentityDeps } from "./deps.ts";
export type { IssuedSessions } from "./issued-sessions.ts";

/** What the other modules and the doors may call of identity. Made once by `createIdentity`. */
export interface Identity {
  /**
   * Who carries this token: one of ours (EdDSA, its session must be alive), or a foreign one (JWT_SECRET, JWKS_URL).
   * `use`: a connection token (from POST /auth/connection-tokens) opens sockets and streams only, so REST asks for "api".
   * Throws AppError `unauthenticated`, `banned`, or `unavailable` when the database or the foreign issuer's keys cannot be read.
   */
  authenticate(token: string, use: "api" | "connect"): Promise<UserCaller>;
  /** The same for a `Cookie` header. Throws `unauthenticated` when it carries no living session. Null: no session cookie at all. */
  authenticateCookie(header: string | null | undefined): Promise<UserCaller | null>;
  /**
   * False when this caller's session was ended, the person banned, or the key of the issuer changed, since the caller was made (as
   * far as this node knows).
   * Ask it in the same tick in which a socket becomes known to the hub: it closes the gap between the check and the register.
   */
  isCurrent(caller: UserCaller): boolean;
  /** Whether nothing that comes from this address is to be answered. Every door asks before anything else; it costs no query. */
  isBanned(address: string): boolean;
  /** Reads which addresses are banned, and ends what another GRPC_TOKEN has made. Before anything listens. */
  start(): Promise<void>;
  users: Users;
  issuedSessions: IssuedSessions;
  /** For doors that have no routes. */
  calls: Calls;
  /** Adds the rows of this module to the API. */
  routes(api: Api): void;
  /**
   * Whether the owner's account is still to be made, whether that takes the set-up code, and who may register: for GET /meta and the
   * set-up page. `isLocal`: the asker is on this machine.
   */
  registration(
    isLocal: boolean,
  ): Promise<{ owner_exists: boolean; mode: Config["REGISTRATION"]; setup_code_needed: boolean }>;
  /** The code that makes the first account from elsewhere; null once that is made. It is for the log, and for nobody else. */
  setupCode(): Promise<string | null>;
  /** Takes a person's data out of this module's tables; see erase.ts. Throws `last_owner`. */
  erase(userId: string): Promise<void>;
  /** Everything this module keeps of a person, for himself; null when there is no such person. */
  exportOf(userId: string): Promise<Record<string, unknown> | null>;
  /** Removes what has expired (sessions, reset links, limits). Safe at any time on any node; app.ts calls it every hour. */
  sweep(): Promise<void>;
}

/** People, as other modules may see them. */
export interface Users {
  /** Those of `ids` that exist, by id. One query. */
  get(ids: readonly string[]): Promise<Map<string, PublicUser>>;
}

/** Identity with what the house gave it; the settings were checked when they were read (JWT_SECRET has its 32 bytes). */
export function createIdentity({ clock, elapsed, ...deps }: IdentityDeps): Identity {
  const { sql, config, realtime, logger } = deps;
  const now = () => clock.now();
  const publicUrl = publicUrlOf(config);
  const keys = createSigningKeys(sql, elapsed, config.ACCESS_TOKEN_TTL, logger);
  const foreign = createVerifyForeign(config, now, logger);
  const rangeBans = new RangeBans({ ...deps, now });
  const parts: Parts = {
    ...deps,
    now,
    publicUrl,
    passwords: createPasswords(),
    limits: new Limits(sql),
    living: new Living(sql, new LastSeen(sql, config.SESSION_TTL, logger, now), realtime, elapsed),
    tokens: createTokens(keys, publicUrl, config.ACCESS_TOKEN_TTL, now),
    refusals: new Refusals(logger, now),
    setupCode: () => makeSetupCode(keys),
    rangesInForce: () => rangeBans.settled(),
  };
  followChanges(parts);
  return {
    authenticate: (token, use) => byToken(parts, foreign, token, use),
    authenticateCookie: (header) => byCookie(parts, header),
    isCurrent: (caller) =>
      parts.living.isCurrent(caller) && (caller.sessionId !== null || isTrusted(config, caller.trust)),
    isBanned: (address) => rangeBans.isBanned(address),
    async start() {
      await Promise.all([rangeBans.start(), endOfOtherTokens(parts)]);
    },
    issuedSessions,
    users: { get: (ids) => getUsers(parts, ids) },
    calls: callsOf(parts),
    routes(api) {
      addAuthRoutes(api, parts);
      addSessionRoutes(api, parts);
      addUserRoutes(api, parts);
      addAdminRoutes(api, parts);
      addAccountRoutes(api, parts);
      addJwksRoute(api, keys);
    },
    registration: (isLocal) => registration(parts, isLocal),
    setupCode: async () => ((await ownerExists(sql)) ? null : parts.setupCode()),
    erase: (userId) => erasePerson(parts, userId),
    exportOf: (userId) => exportPerson(parts, userId),
    sweep: () => sweep(parts),
  };
}
