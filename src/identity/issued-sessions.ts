import type { Config } from "../config/options.ts";
import type { ServiceCaller } from "../platform/caller.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import { emitSessionsEnded } from "./access-changes.ts";
import type { IdentityContext } from "./identity-context.ts";
import { hashSecret } from "./secret.ts";
import * as store from "./store/issued-sessions.ts";

/** Sessions that services have made for people. The module that manages service tokens ends them with their token. */
export interface IssuedSessions {
  /** The token is revoked, or its secret is no longer valid. */
  endAll(tx: Tx, tokenId: string): Promise<void>;
  /** The secret by which they were made is valid for so many seconds more. */
  endAfter(tx: Tx, tokenId: string, seconds: number): Promise<void>;
}

/** For the module that manages service tokens. */
export const issuedSessions: IssuedSessions = {
  async endAll(tx, tokenId) {
    emitSessionsEnded(tx, await store.deleteIssuedBy(tx.sql, tokenId));
  },
  endAfter: (tx, tokenId, seconds) => store.endIssuedAfter(tx.sql, tokenId, seconds),
};

/** What a session stores about the token that created it. */
export function getIssuer({ tokenId, expiresAt }: ServiceCaller, config: Pick<Config, "GRPC_TOKEN">): store.Issuer {
  const isStored = /^\d+$/.test(tokenId);
  return {
    service_token_id: isStored ? tokenId : null,
    issued_by: isStored ? tokenId : getConfiguredIssuer(config),
    ends_at: expiresAt === null ? null : new Date(expiresAt),
  };
}

/** No service may act as an admin or owner: sessions that services have made for a person end when the person becomes one. */
export async function endSessionsIssuedTo(tx: Tx, userId: string): Promise<void> {
  emitSessionsEnded(tx, await store.deleteIssuedTo(tx.sql, userId));
}

/** Ends sessions made by a GRPC_TOKEN other than the current one. A node without a GRPC_TOKEN ends none: others may have one. */
export async function endSessionsOfOtherTokens({
  transaction,
  config,
}: Pick<IdentityContext, "transaction" | "config">): Promise<void> {
  if (config.GRPC_TOKEN === null) return;
  await transaction({ actor: "start" }, async (tx) =>
    emitSessionsEnded(tx, await store.deleteIssuedByOtherTokens(tx.sql, getConfiguredIssuer(config))),
  );
}

/** Names the token of the configuration by its hash. */
function getConfiguredIssuer({ GRPC_TOKEN }: Pick<Config, "GRPC_TOKEN">): string {
  return GRPC_TOKEN === null ? "loopback" : `GRPC_TOKEN ${hashSecret(GRPC_TOKEN)}`;
}
