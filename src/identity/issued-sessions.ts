import type { Config } from "../config/options.ts";
import type { ServiceCaller } from "../platform/caller.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import { tellSessionsEnded } from "./changes.ts";
import type { Parts } from "./parts.ts";
import { hashOf } from "./secret.ts";
import * as store from "./store/issued-sessions.ts";

/** Sessions that services have made for people. The module that manages service tokens ends them with their token. */
export interface IssuedSessions {
  /** The token is revoked, or its secret is no longer valid. */
  endAll(tx: Tx, tokenId: string): Promise<void>;
  /** The secret that made them is valid for so many seconds more. */
  endAfter(tx: Tx, tokenId: string, seconds: number): Promise<void>;
}

/** For the module that manages service tokens. */
export const issuedSessions: IssuedSessions = {
  async endAll(tx, tokenId) {
    tellSessionsEnded(tx, await store.deleteIssuedBy(tx.sql, tokenId));
  },
  endAfter: (tx, tokenId, seconds) => store.endIssuedAfter(tx.sql, tokenId, seconds),
};

/** What a session keeps of the token that made it. */
export function issuerOf({ tokenId, expiresAt }: ServiceCaller, config: Pick<Config, "GRPC_TOKEN">): store.Issuer {
  const isKept = /^\d+$/.test(tokenId);
  return {
    service_token_id: isKept ? tokenId : null,
    issued_by: isKept ? tokenId : configured(config),
    ends_at: expiresAt === null ? null : new Date(expiresAt),
  };
}

/** No service may act as an admin or owner: sessions that services have made for a person end when the person becomes one. */
export async function endIssuedTo(tx: Tx, userId: string): Promise<void> {
  tellSessionsEnded(tx, await store.deleteIssuedTo(tx.sql, userId));
}

/** Ends sessions made by a GRPC_TOKEN other than the current one. A node without a GRPC_TOKEN ends none: others may have one. */
export async function endOfOtherTokens({ transaction, config }: Pick<Parts, "transaction" | "config">): Promise<void> {
  if (config.GRPC_TOKEN === null) return;
  await transaction({ actor: "start" }, async (tx) =>
    tellSessionsEnded(tx, await store.deleteOfOtherTokens(tx.sql, configured(config))),
  );
}

/** Names the token of the configuration by its hash. */
function configured({ GRPC_TOKEN }: Pick<Config, "GRPC_TOKEN">): string {
  return GRPC_TOKEN === null ? "loopback" : `GRPC_TOKEN ${hashOf(GRPC_TOKEN)}`;
}
