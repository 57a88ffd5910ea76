import type { PublicUser } from "../../protocol/objects.ts";
import type { Config } from "../config/options.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { Api } from "../platform/http/api.ts";
import { createPasswords } from "../platform/password.ts";
import { followChanges } from "./access-changes.ts";
import { type Calls, createCalls } from "./calls.ts";
import type { IdentityDeps } from "./deps.ts";
import { eraseUser, exportUser } from "./erase.ts";
import { createVerifyForeign } from "./foreign-tokens.ts";
import { isTrusted } from "./foreign-trust.ts";
import { getPublicUrl, type IdentityContext } from "./identity-context.ts";
import { endSessionsOfOtherTokens, type IssuedSessions, issuedSessions } from "./issued-sessions.ts";
import { LastSeen } from "./last-seen.ts";
import { RangeBans } from "./range-bans.ts";
import { getRegistration } from "./register.ts";
import { addAccountRoutes } from "./routes/accounts.ts";
import { addAdminRoutes } from "./routes/admin.ts";
import { addAuthRoutes } from "./routes/auth.ts";
import { addJwksRoute } from "./routes/jwks.ts";
import { addSessionRoutes } from "./routes/sessions.ts";
import { addUserRoutes } from "./routes/users.ts";
import { SessionCache } from "./session-cache.ts";
import { makeSetupCode } from "./setup-code.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { ownerExists } from "./store/users.ts";
import { StoredRateLimiter } from "./stored-rate-limiter.ts";
import { sweep } from "./sweep.ts";
import { TokenRejectionLog } from "./token-rejection-log.ts";
import { createTokens } from "./tokens.ts";
import { authenticateCookie, authenticateToken } from "./user-authenticator.ts";
import { getUsers } from "./users.ts";

export type { IdentityDeps } from "./deps.ts";
export type { IssuedSessions } from "./issued-sessions.ts";

/** The interface of identity for the other modules and the transports. Created once by `createIdentity`. */
export interface Identity {
  /**
   * Authenticates the holder of this token: one of ours (EdDSA, its session must be active), or a foreign one (JWT_SECRET, JWKS_URL).
   * `use`: a connection token (from POST /auth/connection-tokens) opens sockets and streams only, so REST asks for "api".
   * Throws AppError `unauthenticated`, `banned`, or `unavailable` when the database or the foreign issuer's keys cannot be read.
   */
  authenticate(token: string, use: "api" | "connect"): Promise<UserCaller>;
  /** The same for a `Cookie` header. Throws `unauthenticated` when it carries no active session. Null: no session cookie at all. */
  authenticateCookie(header: string | null | undefined): Promise<UserCaller | null>;
  /**
   * False when this caller's session was ended, the person banned, or the key of the issuer changed, since `authenticate` (as
   * far as this node knows).
   * Check it in the same tick in which a socket is registered with the hub: it closes the gap between the two.
   */
  isCurrent(caller: UserCaller): boolean;
  /** Whether requests from this address are refused. Every transport checks this before anything else; it costs no query. */
  isBanned(address: string): boolean;
  /** Reads the banned addresses, and ends the sessions made by another GRPC_TOKEN. Before anything listens. */
  start(): Promise<void>;
  users: Users;
  issuedSessions: IssuedSessions;
  /** For transports that have no routes. */
  calls: Calls;
  /** Adds the routes of this module to the API. */
  routes(api: Api): void;
  /**
   * Whether the owner's account does not exist yet, whether it requires the set-up code, and who may register: for GET /meta and the
   * set-up page. `isLocal`: the client is on this machine.
   */
  registration(
    isLocal: boolean,
  ): Promise<{ owner_exists: boolean; mode: Config["REGISTRATION"]; setup_code_needed: boolean }>;
  /** The code for the first account from another machine; null once that exists. It is for the log only. */
  setupCode(): Promise<string | null>;
  /** Removes a person's data from this module's tables; see erase.ts. Throws `last_owner`. */
  erase(userId: string): Promise<void>;
  /** All data that this module stores about a user, for their export; null when there is no such user. */
  exportUser(userId: string): Promise<Record<string, unknown> | null>;
  /** Removes what has expired (sessions, reset links, limits). Safe at any time on any node; app.ts calls it every hour. */
  sweep(): Promise<void>;
}

/** People, for other modules. */
export interface Users {
  /** Those of `ids` that exist, by id. One query. */
  get(ids: readonly string[]): Promise<Map<string, PublicUser>>;
}

/** Creates identity from its dependencies; the settings were checked when they were read (JWT_SECRET has its 32 bytes). */
export function createIdentity({ clock, elapsed, ...deps }: IdentityDeps): Identity {
  const { sql, config, realtime, logger } = deps;
  const now = () => clock.now();
  const publicUrl = getPublicUrl(config);
  const keys = createSigningKeys(sql, elapsed, config.ACCESS_TOKEN_TTL, logger);
  const foreign = createVerifyForeign(config, now, logger);
  const rangeBans = new RangeBans({ ...deps, now });
  const context: IdentityContext = {
    ...deps,
    now,
    publicUrl,
    passwords: createPasswords(),
    rateLimiter: new StoredRateLimiter(sql),
    sessionCache: new SessionCache(sql, new LastSeen(sql, config.SESSION_TTL, logger, now), realtime, elapsed),
    tokens: createTokens(keys, publicUrl, config.ACCESS_TOKEN_TTL, now),
    tokenRejections: new TokenRejectionLog(logger, now),
    setupCode: () => makeSetupCode(keys),
    whenRangeBansApplied: () => rangeBans.whenApplied(),
  };
  followChanges(context);
  return {
    authenticate: (token, use) => authenticateToken(context, foreign, token, use),
    authenticateCookie: (header) => authenticateCookie(context, header),
    isCurrent: (caller) =>
      context.sessionCache.isCurrent(caller) && (caller.sessionId !== null || isTrusted(config, caller.trust)),
    isBanned: (address) => rangeBans.isBanned(address),
    async start() {
      await Promise.all([rangeBans.start(), endSessionsOfOtherTokens(context)]);
    },
    issuedSessions,
    users: { get: (ids) => getUsers(context, ids) },
    calls: createCalls(context),
    routes(api) {
      addAuthRoutes(api, context);
      addSessionRoutes(api, context);
      addUserRoutes(api, context);
      addAdminRoutes(api, context);
      addAccountRoutes(api, context);
      addJwksRoute(api, keys);
    },
    registration: (isLocal) => getRegistration(context, isLocal),
    setupCode: async () => ((await ownerExists(sql)) ? null : context.setupCode()),
    erase: (userId) => eraseUser(context, userId),
    exportUser: (userId) => exportUser(context, userId),
    sweep: () => sweep(context),
  };
}
