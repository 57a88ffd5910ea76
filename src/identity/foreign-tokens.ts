import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";
import { z } from "zod";
import { UserId } from "../../protocol/rooms.ts";
import type { Config } from "../config/options.ts";
import { AppError } from "../platform/errors.ts";
import type { Logger } from "./deps.ts";
import { createTrustId, type TrustKind } from "./foreign-trust.ts";

/** The claims of a token of another issuer. Its `role` is not read: rights on this server are given here. */
export interface ForeignToken {
  /** The issuer: JWT_ISSUER if it is set, else the kind of key and the token's own `iss`. */
  issuer: string;
  /** Becomes the user's id, as written. */
  subject: string;
  email: string | null;
  /** A name for the person, if it is free and well-formed. */
  username: string | null;
  /** Unix time in ms. */
  expiresAt: number;
  /** The settings by which it was verified: see foreign-trust.ts. */
  trust: string;
}

/**
 * Null when no foreign issuer is set up for such a token. Throws a JOSE or zod error when the token is not valid, and AppError
 * `unavailable` when the keys at JWKS_URL cannot be read.
 */
export type VerifyForeign = (token: string, alg: string) => Promise<ForeignToken | null>;

const HMAC = "HS256";
const PUBLIC_KEY = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** A time that fits a date and its text: up to the year 9999. */
const UnixSeconds = z.number().min(0).max(253_402_300_799);

/**
 * No path names these: a URL drops path segments of dots (RFC 3986 §5.2.4), and `me` is the caller. No admin could ban such a
 * person, or remove them from a channel: an admin who tried would remove themselves.
 */
const UNNAMEABLE = [".", "..", "me"];

/** As the issuer writes it; some use numbers. */
const Subject = z.union([
  UserId.refine((id) => !UNNAMEABLE.includes(id), `must be none of ${UNNAMEABLE.join(" ")}, which no path can name`),
  z.number().int().transform(String),
]);

const Claims = z
  .object({
    sub: Subject.optional(),
    user_id: Subject.optional(),
    UserID: Subject.optional(),
    exp: UnixSeconds,
    iss: z.string().max(500).optional(),
    email: z.string().max(254).optional().catch(undefined),
    preferred_username: z.string().optional().catch(undefined),
    username: z.string().optional().catch(undefined),
    name: z.string().optional().catch(undefined),
    // As the first clients' tokens name them.
    Username: z.string().optional().catch(undefined),
    Email: z.string().max(254).optional().catch(undefined),
  })
  .refine(({ sub, user_id, UserID }) => (sub ?? user_id ?? UserID) !== undefined, "must carry sub, user_id or UserID");

/**
 * Verifies HS256 by JWT_SECRET, and RS, PS, ES and EdDSA by the keys at JWKS_URL. The algorithm alone decides which key
 * is tried, so a public key is never used as a secret. `exp` is required; five seconds of clock difference are tolerated.
 * The settings may change: each token is verified by the present ones.
 */
export function createVerifyForeign(
  config: Pick<Config, "JWT_SECRET" | "JWT_ISSUER" | "JWT_AUDIENCE" | "JWKS_URL">,
  now: () => number,
  logger: Logger,
): VerifyForeign {
  const getKeys = memoizeLast((url: string) => createRemoteKeys(new URL(url), logger));

  const options = (algorithms: string[]): JWTVerifyOptions => ({
    algorithms,
    clockTolerance: 5,
    currentDate: new Date(now()),
    ...(config.JWT_ISSUER === null ? {} : { issuer: config.JWT_ISSUER }),
    ...(config.JWT_AUDIENCE === null ? {} : { audience: config.JWT_AUDIENCE }),
  });

  return async (token, alg) => {
    const { JWT_SECRET, JWT_ISSUER, JWKS_URL } = config;
    const secret = JWT_SECRET === null ? null : new TextEncoder().encode(JWT_SECRET);
    const keys = JWKS_URL === null ? null : getKeys(JWKS_URL);
    if (alg === HMAC && secret !== null) {
      const trust = createTrustId(config, "hs256");
      return toForeignToken((await jwtVerify(token, secret, options([HMAC]))).payload, JWT_ISSUER, "hs256", trust);
    }
    if (PUBLIC_KEY.includes(alg) && keys !== null) {
      const trust = createTrustId(config, "jwks");
      return toForeignToken((await jwtVerify(token, keys, options(PUBLIC_KEY))).payload, JWT_ISSUER, "jwks", trust);
    }
    return null;
  };
}

/** Caches the result of `make` as long as the text stays the same. */
function memoizeLast<T>(make: (text: string) => T): (text: string) => T {
  let last: { text: string; value: T } | null = null;
  return (text) => {
    if (last?.text !== text) last = { text, value: make(text) };
    return last.value;
  };
}

/** Distinguishes "this token names no key of the issuer" from "the issuer does not respond". */
function createRemoteKeys(url: URL, logger: Logger): JWTVerifyGetKey {
  const find = createRemoteJWKSet(url, { timeoutDuration: 5_000 });
  return async (header, token) => {
    try {
      return await find(header, token);
    } catch (error) {
      const { JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSENotSupported } = errors;
      if ([JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSENotSupported].some((kind) => error instanceof kind))
        throw error;
      logger.warn({ err: error }, "the keys at JWKS_URL cannot be read");
      throw new AppError("unavailable", "The keys of this token's issuer cannot be read right now.");
    }
  };
}

/** Without JWT_ISSUER the two keys are two issuers: neither may issue tokens for people of the other. */
function toForeignToken(payload: JWTPayload, issuer: string | null, kind: TrustKind, trust: string): ForeignToken {
  const claims = Claims.parse(payload);
  return {
    issuer: issuer ?? `${kind}:${claims.iss ?? ""}`,
    subject: (claims.sub ?? claims.user_id ?? claims.UserID)!,
    email: claims.email ?? claims.Email ?? null,
    username: claims.preferred_username ?? claims.username ?? claims.Username ?? claims.name ?? null,
    expiresAt: claims.exp * 1_000,
    trust,
  };
}
