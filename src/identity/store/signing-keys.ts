import type { JWK } from "jose";
import type { ISql } from "../../platform/postgres/sql.ts";

export interface KeyRow {
  kid: string;
  private_jwk: JWK;
  public_jwk: JWK;
  /** Age in ms, by the database's clock. */
  age: number;
}

/** The newest first. */
export async function listSigningKeys(db: ISql): Promise<KeyRow[]> {
  return db<KeyRow[]>`
    SELECT kid, private_jwk, public_jwk, (extract(epoch FROM clock_timestamp() - created_at) * 1000)::float8 AS age
    FROM signing_keys ORDER BY created_at DESC, kid`;
}

/** Locks until the end of the transaction: nodes that start together create one key. */
export async function lockKeys(db: ISql): Promise<void> {
  await db`SELECT pg_advisory_xact_lock(hashtextextended('usher:signing-keys', 0))`;
}

export async function insertKey(db: ISql, kid: string, privateJwk: JWK, publicJwk: JWK): Promise<void> {
  await db`
    INSERT INTO signing_keys (kid, private_jwk, public_jwk, created_at)
    VALUES (${kid}, ${JSON.stringify(privateJwk)}, ${JSON.stringify(publicJwk)}, clock_timestamp())`;
}

export async function deleteKeys(db: ISql, kids: readonly string[]): Promise<void> {
  await db`DELETE FROM signing_keys WHERE kid = ANY(${[...kids]})`;
}
