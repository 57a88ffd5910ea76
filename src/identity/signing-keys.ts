import { createHmac } from "node:crypto";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JSONWebKeySet } from "jose";
import { isWriteRefused } from "../platform/postgres/database-errors.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Logger } from "./deps.ts";
import { newSecret } from "./secret.ts";
import { deleteKeys, insertKey, type KeyRow, listSigningKeys, lockKeys } from "./store/signing-keys.ts";

/**
 * A key signs for 90 days; its successor is created by the first node that reads the keys after that. To remove a key at once,
 * delete its row: its tokens are refused within READ_EVERY, and clients refresh.
 */
const SIGNING_PERIOD_MS = 90 * 24 * 3_600_000;
/** How long the keys are cached: other nodes may have created a new one. */
const READ_INTERVAL_MS = 5 * 60_000;
/** An unknown `kid` causes another read of the keys, but no more often than this: any client can write one into a token. */
const MIN_READ_INTERVAL_MS = 5_000;

/** The Ed25519 keys of our access tokens. They are stored in the database, so that all nodes share them; created when first needed. */
export interface SigningKeys {
  /** The newest key. */
  signer(): Promise<{ kid: string; key: CryptoKey }>;
  /** Undefined when no key of ours has this name. */
  verifier(kid: string): Promise<CryptoKey | undefined>;
  jwks(): Promise<JSONWebKeySet>;
  /** A secret of 256 bits for one purpose, the same on all nodes for as long as the newest key is. */
  derive(purpose: string): Promise<Buffer>;
}

interface LoadedKeys {
  at: number;
  signer: { kid: string; key: CryptoKey };
  verifiers: Map<string, CryptoKey>;
  jwks: JSONWebKeySet;
  derive: (purpose: string) => Buffer;
}

/**
 * @param elapsed ms by a monotonic clock
 * @param tokenTtl maximum lifetime of a token in ms: an old key stays so long after its successor was created
 */
export function createSigningKeys(sql: Sql, elapsed: () => number, tokenTtl: number, logger: Logger): SigningKeys {
  let loaded: Promise<LoadedKeys> | null = null;

  function load(): Promise<LoadedKeys> {
    const loading = read(sql, elapsed(), tokenTtl, logger);
    loaded = loading;
    // A failed read is not cached: the next caller tries again.
    loading.catch(() => {
      if (loaded === loading) loaded = null;
    });
    return loading;
  }

  async function keys(olderThan = READ_INTERVAL_MS): Promise<LoadedKeys> {
    const before = loaded;
    const known = before && (await before);
    if (known && elapsed() - known.at < olderThan) return known;
    return loaded !== null && loaded !== before ? loaded : load();
  }

  return {
    signer: async () => (await keys()).signer,
    async verifier(kid) {
      return (await keys()).verifiers.get(kid) ?? (await keys(MIN_READ_INTERVAL_MS)).verifiers.get(kid);
    },
    jwks: async () => (await keys()).jwks,
    derive: async (purpose) => (await keys()).derive(purpose),
  };
}

async function read(sql: Sql, at: number, tokenTtl: number, logger: Logger): Promise<LoadedKeys> {
  let rows = await listSigningKeys(sql);
  if (rows[0] === undefined || rows[0].age > SIGNING_PERIOD_MS) {
    rows = await renew(sql, tokenTtl).catch((error: unknown) => {
      // A database that accepts no writes must not refuse valid tokens: the old key signs until there is a new one.
      if (rows[0] === undefined || !isWriteRefused(error)) throw error;
      logger.warn({ err: error }, "the next signing key could not be created; the previous one stays in use");
      return rows;
    });
  }
  const newest = rows[0]!;
  return {
    at,
    signer: { kid: newest.kid, key: await importKey(newest.private_jwk) },
    verifiers: new Map(await Promise.all(rows.map(async (row) => [row.kid, await importKey(row.public_jwk)] as const))),
    jwks: { keys: rows.map(toPublicJwk) },
    derive: (purpose) => createHmac("sha256", getPrivateBytes(newest)).update(purpose).digest(),
  };
}

/** Creates the next key, unless another node has just done so, and removes expired ones; returns all, the newest first. */
function renew(sql: Sql, tokenTtl: number): Promise<KeyRow[]> {
  return sql.begin(async (tx) => {
    await lockKeys(tx);
    const [newest] = await listSigningKeys(tx);
    if (newest === undefined || newest.age > SIGNING_PERIOD_MS) await makeKey(tx);
    const all = await listSigningKeys(tx);
    // A key is of no more use once its successor has signed for a token's life and every node has read it.
    const expired = all.slice(1).filter((_, older) => all[older]!.age > tokenTtl + 2 * READ_INTERVAL_MS);
    await deleteKeys(
      tx,
      expired.map(({ kid }) => kid),
    );
    return all;
  });
}

async function makeKey(tx: Parameters<typeof insertKey>[0]): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  await insertKey(tx, newSecret().slice(0, 16), await exportJWK(privateKey), await exportJWK(publicKey));
}

async function importKey(jwk: KeyRow["public_jwk"]): Promise<CryptoKey> {
  const key = await importJWK(jwk, "EdDSA");
  if (key instanceof Uint8Array) throw new Error("A row of signing_keys holds a symmetric key.");
  return key;
}

function getPrivateBytes({ private_jwk }: KeyRow): Buffer {
  if (private_jwk.d === undefined) throw new Error("A row of signing_keys holds no private key.");
  return Buffer.from(private_jwk.d, "base64url");
}

function toPublicJwk({ kid, public_jwk }: KeyRow): JSONWebKeySet["keys"][number] {
  const { kty, crv, x } = public_jwk;
  return { kty: kty ?? "OKP", crv, x, kid, alg: "EdDSA", use: "sig" };
}
