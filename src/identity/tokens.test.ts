import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  type CryptoKey,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import { errorCode } from "../../tests/support/error-code.ts";
import { type IdentityNode, startIdentityNode } from "../../tests/support/identity-node.ts";

// Hashing passwords is slow on purpose, and the machine may be busy.
setDefaultTimeout(60_000);

const SECRET = "a secret of more than thirty-two bytes";
const ISSUER = "https://id.example.org";
const bytes = (text: string) => new TextEncoder().encode(text);
const soon = () => Math.floor(Date.now() / 1_000) + 600;

function hs256(claims: JWTPayload, secret = SECRET, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ exp: soon(), ...claims }).setProtectedHeader({ alg: "HS256", ...header }).sign(bytes(secret));
}

/** A token built by hand, as an attacker would. */
function forged(header: object, payload: object, signature = ""): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(payload)}.${signature}`;
}

/** An issuer that serves its public keys over HTTP. */
async function issuer(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: `${alg}-key`, alg };
  const state = { status: 200 };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => Response.json({ keys: [jwk] }, { status: state.status }),
  });
  return {
    url: `http://127.0.0.1:${server.port}/keys`,
    publicKey,
    state,
    sign: (claims: JWTPayload, key: CryptoKey = privateKey) =>
      new SignJWT({ exp: soon(), iss: ISSUER, ...claims }).setProtectedHeader({ alg, kid: `${alg}-key` }).sign(key),
    close: () => server.stop(true),
  };
}

describe("our own tokens", () => {
  let node: IdentityNode;
  let token: string;
  let id: string;
  beforeAll(async () => {
    node = await startIdentityNode({ JWT_SECRET: SECRET });
    ({ token, id } = await node.register("ann"));
  });
  afterEach(() => {
    node.clock.ahead = 0;
  });
  afterAll(() => node.close());
  const authenticate = (carried: string) => errorCode(node.identity.authenticate(carried, "connect"));
  const keys = async () => (await node.call("GET", "/.well-known/jwks.json")).body;

  test("are EdDSA, and any client can check them with the published keys", async () => {
    const jwks = await keys();
    expect(Object.keys(jwks.keys[0]).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
      issuer: "http://localhost:3003",
    });
    expect(protectedHeader).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    expect(payload).toMatchObject({ sub: id, name: "ann", role: "owner", sid: expect.any(String) });
    expect(payload.exp! - payload.iat!).toBe(900);
  });

  test("the private key is in no response, no log line and no other table", async () => {
    const [row] = await node.sql`SELECT private_jwk FROM signing_keys`;
    expect(row!.private_jwk.d).toBeString();
    expect(JSON.stringify(await keys())).not.toContain(row!.private_jwk.d);
    expect(node.lines.join("")).not.toContain(row!.private_jwk.d);
  });

  test("an altered token is refused, whichever part was altered", async () => {
    const parts = token.split(".");
    for (const part of [0, 1, 2]) {
      const bad = [...parts];
      const at = Math.floor(bad[part]!.length / 2);
      const other = bad[part]![at] === "A" ? "B" : "A";
      bad[part] = bad[part]!.slice(0, at) + other + bad[part]!.slice(at + 1);
      expect(await authenticate(bad.join("."))).toBe("unauthenticated");
    }
  });

  test("alg none, in every spelling, is refused", async () => {
    const claims = decodeJwt(token);
    for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
      for (const kid of [decodeProtectedHeader(token).kid, undefined]) {
        expect(await authenticate(forged({ alg, kid, typ: "at+jwt" }, claims))).toBe("unauthenticated");
        expect(await authenticate(forged({ alg, kid }, claims, token.split(".")[2]))).toBe("unauthenticated");
      }
    }
  });

  test("a public key is no secret: HS256 with our published key is refused", async () => {
    const { keys: published } = await keys();
    const claims = decodeJwt(token);
    for (const secret of [published[0].x, JSON.stringify(published[0]), Buffer.from(published[0].x, "base64url")]) {
      const header = { alg: "HS256", kid: published[0].kid };
      const key = typeof secret === "string" ? bytes(secret) : secret;
      const confused = await new SignJWT(claims).setProtectedHeader(header).sign(new Uint8Array(key));
      expect(await authenticate(confused)).toBe("unauthenticated");
    }
  });

  test("another Ed25519 key under our key's name is refused", async () => {
    const { privateKey } = await generateKeyPair("EdDSA");
    const header = { alg: "EdDSA", kid: decodeProtectedHeader(token).kid };
    const other = await new SignJWT(decodeJwt(token)).setProtectedHeader(header).sign(privateKey);
    expect(await authenticate(other)).toBe("unauthenticated");
  });

  test("a token of another server with the same key is refused: its iss is another", async () => {
    const [row] = await node.sql`SELECT kid, private_jwk FROM signing_keys`;
    const { importJWK } = await import("jose");
    const key = await importJWK(row!.private_jwk, "EdDSA");
    const claims = { ...decodeJwt(token), iss: "https://other.example.org" };
    const other = await new SignJWT(claims).setProtectedHeader({ alg: "EdDSA", kid: row!.kid }).sign(key);
    expect(await authenticate(other)).toBe("unauthenticated");
  });

  test("what is no JWT, or longer than 8 KiB, is refused unread", async () => {
    for (const wrong of ["", "a", "a.b", "a.b.c", "....", "null", `${token}${"A".repeat(8_192)}`, "é.é.é"]) {
      expect(await authenticate(wrong)).toBe("unauthenticated");
    }
  });

  test("after 90 days a new key signs, the old one still verifies, and both are published", async () => {
    const before = (await keys()).keys[0].kid;
    await node.sql`UPDATE signing_keys SET created_at = now() - interval '91 days'`;
    const { identity } = node.makeNode();
    expect(await errorCode(identity.authenticate(token, "api"))).toBe("ok");
    node.clock.ahead = 6 * 60_000;
    const fresh = await node.login("ann");
    expect(decodeProtectedHeader(fresh.body.access_token).kid).not.toBe(before);
    expect((await keys()).keys.map(({ kid }: { kid: string }) => kid)).toEqual([
      decodeProtectedHeader(fresh.body.access_token).kid,
      before,
    ]);
    expect(await authenticate(token)).toBe("ok");
    // A node that read the keys before learns of the new one from a token that carries its name.
    expect(await errorCode(identity.authenticate(fresh.body.access_token, "api"))).toBe("ok");
  });

  test("nodes that start together create one key", async () => {
    await node.sql`DELETE FROM signing_keys`;
    const nodes = Array.from({ length: 8 }, () => node.makeNode());
    const responses = await Promise.all(nodes.map(({ api }) => api.request("/.well-known/jwks.json")));
    const bodies = await Promise.all(responses.map((response) => response.text()));
    expect(new Set(bodies).size).toBe(1);
    expect(JSON.parse(bodies[0]!).keys).toHaveLength(1);
  });
});

describe("tokens of another issuer by a shared secret (HS256)", () => {
  let node: IdentityNode;
  beforeAll(async () => {
    node = await startIdentityNode({ JWT_SECRET: SECRET });
  });
  afterAll(() => node.close());
  const authenticate = (token: string) => node.identity.authenticate(token, "api");

  test("a person's first token creates a row, once under a race, with the subject as id and no rights", async () => {
    const exp = soon();
    const token = await hs256({ sub: "user-uuid", email: "Far@example.org", username: "far", role: "admin", exp });
    const callers = await Promise.all(Array.from({ length: 20 }, () => authenticate(token)));
    for (const caller of callers) {
      expect(caller).toEqual({
        kind: "user",
        userId: "user-uuid",
        username: "far",
        role: "member",
        sessionId: null,
        expiresAt: exp * 1_000,
        trust: expect.any(String),
      });
    }
    const rows = await node.sql`SELECT issuer, email, password_hash FROM users WHERE id = 'user-uuid'`;
    expect([...rows]).toEqual([{ issuer: "hs256:", email: "far@example.org", password_hash: null }]);
  });

  test("a refusal has a reason: in the log for foreign tokens, once a minute for each reason, and in the response for our own", async () => {
    for (let i = 0; i < 3; i++)
      expect(await errorCode(authenticate(await hs256({ sub: "two words" })))).toBe("unauthenticated");
    const logged = node.lines.filter((line) => line.includes("a token was refused"));
    expect(logged.filter((line) => line.includes("sub 1 to 255 characters of visible ASCII"))).toHaveLength(1);
    const [head, claims] = (await node.register("reason")).token.split(".");
    const refused = await authenticate(`${head}.${claims}.${"A".repeat(86)}`).catch((error: Error) => error.message);
    expect(refused).toBe("This token is not valid: signature verification failed");
  });

  test("older issuers write user_id; a number is read as its digits", async () => {
    expect((await authenticate(await hs256({ user_id: "older-1" }))).userId).toBe("older-1");
    expect((await authenticate(await hs256({ user_id: 4711 }))).userId).toBe("4711");
  });

  test("a taken or impossible name is replaced by the subject, or by one that no one has", async () => {
    await node.register("taken");
    expect((await authenticate(await hs256({ sub: "s1", username: "TAKEN" }))).username).toBe("s1");
    expect((await authenticate(await hs256({ sub: "s2", username: "<b>" }))).username).toBe("s2");
    expect((await authenticate(await hs256({ sub: "a:b", username: 7 }))).username).toMatch(/^user-[0-9a-f]{20}$/);
  });

  test("a subject that an account made here, or another issuer, already has is refused", async () => {
    const own = await node.register("own");
    expect(await errorCode(authenticate(await hs256({ sub: own.id })))).toBe("unauthenticated");
    expect((await authenticate(await hs256({ sub: "shared", iss: "https://a.example.org" }))).userId).toBe("shared");
    const other = await hs256({ sub: "shared", iss: "https://b.example.org" });
    expect(await errorCode(authenticate(other))).toBe("unauthenticated");
  });

  test("an e-mail address in a token finds no account made here and blocks none", async () => {
    await node.register("mailed");
    const caller = await authenticate(await hs256({ sub: "with-mail", email: "mailed@example.org" }));
    expect(caller.userId).toBe("with-mail");
    expect((await authenticate(await hs256({ sub: "w2", email: "later@example.org" }))).userId).toBe("w2");
    await node.register("later");
    expect((await node.login("with-mail", "correct horse")).body.code).toBe("invalid_credentials");
  });

  test("expired, not yet valid, endless, nameless and strangely named tokens are refused", async () => {
    const now = Math.floor(Date.now() / 1_000);
    const wrong = [
      hs256({ sub: "x", exp: now - 60 }),
      hs256({ sub: "x", nbf: now + 60 }),
      new SignJWT({ sub: "x" }).setProtectedHeader({ alg: "HS256" }).sign(bytes(SECRET)),
      hs256({}),
      hs256({ sub: "" }),
      hs256({ sub: "x", exp: 1e300 }),
      hs256({ sub: "x", exp: 253_402_300_800 }),
      hs256({ sub: "a b" }),
      hs256({ sub: "x".repeat(256) }),
      hs256({ sub: "' OR 1=1 --" }),
      hs256({ sub: "x" }, "another secret of more than thirty-two bytes"),
      hs256({ sub: "x" }, ""),
    ].map((token) => Promise.resolve(token).catch(() => "a.b.c"));
    for (const token of wrong) expect(await errorCode(authenticate(await token))).toBe("unauthenticated");
    const clear = Buffer.from(JSON.stringify({ sub: "x", exp: soon() })).toString("base64url");
    expect(await errorCode(authenticate(`e30.${clear}.`))).toBe("unauthenticated");
    expect(await errorCode(authenticate(forged({ alg: "none" }, { sub: "x", exp: soon() })))).toBe("unauthenticated");
    const critical = forged({ alg: "HS256", crit: ["b64"], b64: false }, { sub: "x", exp: soon() }, "AAAA");
    expect(await errorCode(authenticate(critical))).toBe("unauthenticated");
  });

  test("HS384 and HS512 are refused: only HS256 is allowed", async () => {
    for (const alg of ["HS384", "HS512"]) {
      const secret = bytes(SECRET + SECRET);
      const token = await new SignJWT({ sub: "x", exp: soon() }).setProtectedHeader({ alg }).sign(secret);
      expect(await errorCode(authenticate(token))).toBe("unauthenticated");
    }
  });

  test("a connection token of a foreign person closes its connections when their own token ends", async () => {
    const exp = soon();
    const token = await hs256({ sub: "visitor", exp });
    const { body } = await node.call("POST", "/auth/connection-tokens", {}, { token });
    const caller = await node.identity.authenticate(body.token, "connect");
    expect(caller).toMatchObject({ userId: "visitor", sessionId: null, expiresAt: exp * 1_000 });
    expect((await node.call("POST", "/auth/logout", undefined, { token })).status).toBe(204);
    expect((await node.call("POST", "/auth/refresh", {}, { token })).body.code).toBe("refresh_invalid");
    const change = { current_password: "x", new_password: "long enough" };
    expect((await node.call("PUT", "/users/me/password", change, { token })).body.code).toBe("forbidden");
  });

  test("a foreign person never becomes the owner", async () => {
    const other = await startIdentityNode({ JWT_SECRET: SECRET });
    expect((await other.identity.authenticate(await hs256({ sub: "first" }), "api")).role).toBe("member");
    expect((await other.identity.registration(true)).owner_exists).toBeFalse();
    await other.close();
  });
});

test("iss and aud must be the configured ones", async () => {
  const node = await startIdentityNode({ JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: "usher" });
  const authenticate = async (claims: JWTPayload) =>
    errorCode(node.identity.authenticate(await hs256({ sub: "x", ...claims }), "api"));
  expect(await authenticate({ iss: ISSUER, aud: "usher" })).toBe("ok");
  expect(await authenticate({ iss: ISSUER, aud: ["a", "usher"] })).toBe("ok");
  expect(await authenticate({ iss: ISSUER, aud: "a" })).toBe("unauthenticated");
  expect(await authenticate({ iss: ISSUER })).toBe("unauthenticated");
  expect(await authenticate({ iss: `${ISSUER}/`, aud: "usher" })).toBe("unauthenticated");
  expect(await authenticate({ aud: "usher" })).toBe("unauthenticated");
  await node.close();
});

test("without JWT_SECRET and JWKS_URL no foreign token is valid; a short secret prevents the start", async () => {
  const node = await startIdentityNode();
  expect(await errorCode(node.identity.authenticate(await hs256({ sub: "x" }), "api"))).toBe("unauthenticated");
  await node.close();
  expect(startIdentityNode({ JWT_SECRET: "short" })).rejects.toThrow("32 bytes");
});

describe("tokens of another issuer by its published keys", () => {
  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    test(`${alg} is accepted; its public key as an HS256 secret is not, nor another key under its name`, async () => {
      const other = await issuer(alg);
      const node = await startIdentityNode({ JWKS_URL: other.url, JWT_ISSUER: ISSUER });
      const authenticate = (token: string) => node.identity.authenticate(token, "api");
      expect((await authenticate(await other.sign({ sub: "far" }))).userId).toBe("far");
      const pem = await exportSPKI(other.publicKey);
      for (const secret of [pem, JSON.stringify(await exportJWK(other.publicKey))]) {
        const confused = await hs256({ sub: "far", iss: ISSUER }, secret, { kid: `${alg}-key` });
        expect(await errorCode(authenticate(confused))).toBe("unauthenticated");
      }
      const { privateKey } = await generateKeyPair(alg);
      expect(await errorCode(authenticate(await other.sign({ sub: "far" }, privateKey)))).toBe("unauthenticated");
      const elsewhere = await other.sign({ sub: "far", iss: "https://elsewhere.example.org" });
      expect(await errorCode(authenticate(elsewhere))).toBe("unauthenticated");
      other.close();
      await node.close();
    });
  }

  test("without JWT_ISSUER the secret's holder cannot issue tokens for people of the published keys", async () => {
    const other = await issuer("ES256");
    const node = await startIdentityNode({ JWKS_URL: other.url, JWT_SECRET: SECRET });
    expect((await node.identity.authenticate(await other.sign({ sub: "far" }), "api")).userId).toBe("far");
    const pretended = await hs256({ sub: "far", iss: ISSUER });
    expect(await errorCode(node.identity.authenticate(pretended, "api"))).toBe("unauthenticated");
    other.close();
    await node.close();
  });

  test("an issuer that does not respond is `unavailable`; a broken token is the client's error", async () => {
    const other = await issuer("ES256");
    const node = await startIdentityNode({ JWKS_URL: other.url });
    other.state.status = 500;
    expect(await errorCode(node.identity.authenticate(await other.sign({ sub: "far" }), "api"))).toBe("unavailable");
    other.state.status = 200;
    expect(await errorCode(node.identity.authenticate(await other.sign({ sub: "far" }), "api"))).toBe("ok");
    expect(await errorCode(node.identity.authenticate("a.b.c", "api"))).toBe("unauthenticated");
    other.close();
    await node.close();
    const gone = await startIdentityNode({ JWKS_URL: other.url });
    expect(await errorCode(gone.identity.authenticate(await other.sign({ sub: "far" }), "api"))).toBe("unavailable");
    await gone.close();
  });
});
