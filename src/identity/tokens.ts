import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { Id, UserId } from "../../protocol/rooms.ts";
import type { UserCaller } from "../platform/caller.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** Lifetime of a connection token in seconds: it is sent in a URL, which ends up in logs. */
const CONNECTION_TOKEN_TTL_SECONDS = 60;

/** The claims of our own tokens. Name and role in it are for clients; we read the database. */
export interface OwnToken {
  userId: string;
  /** Null on a connection token of a person of a foreign issuer. */
  sessionId: string | null;
  use: "api" | "connect";
  /** Unix time in ms at which the token's connections must close. Null: with its session. */
  expiresAt: number | null;
  /** Of a person of a foreign issuer: see foreign-trust.ts. */
  trust?: string | undefined;
}

export interface Tokens {
  /** An access token, for API and sockets. `expires_in` in seconds. */
  issueAccess(user: { id: string; username: string; role: string }, sessionId: string): Promise<IssuedToken>;
  /** A token that only opens sockets and streams. `expiresAt`: Unix time in ms at which they close, null: with the session. */
  issueConnection(caller: Pick<UserCaller, "userId" | "sessionId" | "expiresAt" | "trust">): Promise<IssuedToken>;
  /** Null when the token was not made with a key of ours. Throws a JOSE error when it was, and is not valid. */
  verify(token: string, kid: string): Promise<OwnToken | null>;
}

export interface IssuedToken {
  token: string;
  expires_in: number;
}

const AccessClaims = z.object({ sub: UserId, sid: Id, exp: z.number() });
const ConnectionClaims = z.object({
  sub: UserId,
  sid: Id.optional(),
  until: z.number().optional(),
  trust: z.string().optional(),
});

const ACCESS_TYPE = "at+jwt";
const CONNECTION_TYPE = "connect+jwt";

/** @param issuer our `iss`: the public URL @param ttl lifetime of an access token in ms */
export function createTokens(keys: SigningKeys, issuer: string, ttl: number, now: () => number): Tokens {
  async function sign(typ: string, claims: Record<string, unknown>, seconds: number): Promise<IssuedToken> {
    const { kid, key } = await keys.signer();
    const at = Math.floor(now() / 1_000);
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "EdDSA", kid, typ })
      .setIssuer(issuer)
      .setIssuedAt(at)
      .setExpirationTime(at + seconds)
      .sign(key);
    return { token, expires_in: seconds };
  }

  return {
    issueAccess: ({ id, username, role }, sid) =>
      sign(ACCESS_TYPE, { sub: id, sid, name: username, role }, Math.floor(ttl / 1_000)),
    issueConnection: ({ userId: sub, sessionId, expiresAt, trust }) => {
      const claims = { sub, sid: sessionId ?? undefined, until: expiresAt ?? undefined, trust };
      return sign(CONNECTION_TYPE, claims, CONNECTION_TOKEN_TTL_SECONDS);
    },
    async verify(token, kid) {
      const key = await keys.verifier(kid);
      if (key === undefined) return null;
      const { payload, protectedHeader } = await jwtVerify(token, key, {
        algorithms: ["EdDSA"],
        issuer,
        requiredClaims: ["exp"],
        currentDate: new Date(now()),
      });
      if (protectedHeader.typ === CONNECTION_TYPE) {
        const { sub, sid, until, trust } = ConnectionClaims.parse(payload);
        return { userId: sub, sessionId: sid ?? null, use: "connect", expiresAt: until ?? null, trust };
      }
      const { sub, sid, exp } = AccessClaims.parse(payload);
      return { userId: sub, sessionId: sid, use: "api", expiresAt: exp * 1_000 };
    },
  };
}
