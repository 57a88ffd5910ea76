import { randomBytes } from "node:crypto";
import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { digestSecret } from "../platform/digest.ts";
import { AppError } from "../platform/errors.ts";
import { requireRoomAccess } from "../platform/private-rooms.ts";
import { ALL_SCOPES, READ_SCOPES, type Scope } from "../platform/scopes.ts";
import type { ServerApiDeps, ServiceToken, ServiceTokens } from "./index.ts";
import { namedFieldError } from "./policy.ts";
import { deleteToken, insertToken, listTokens, rotateToken, type TokenRow } from "./store/service-tokens.ts";
import { TOKENS_ROOM } from "./token-cache.ts";

/** All of them are in every node's memory. */
const MAX_TOKENS = 1_000;

/** Creates, rotates and revokes tokens. Each is an entry of an internal room, so that every node knows within a second. */
export function createServiceTokens(
  {
    sql,
    transaction,
    ids,
    now,
    issuedSessions,
  }: Pick<ServerApiDeps, "sql" | "transaction" | "ids" | "now" | "issuedSessions">,
  reload: () => Promise<void>,
): ServiceTokens {
  return {
    list: async () => (await listTokens(sql)).map(toServiceToken),

    async create(who, { name, scopes, rooms, expires_at }) {
      refuseEscalation(who, scopes, rooms);
      if (expires_at !== null && Date.parse(expires_at) <= now())
        throw namedFieldError("/expires_at", "past", "must be in the future");
      const id = ids.next();
      const secret = newSecret();
      const token = { id, name, scopes, rooms, secretHash: digestSecret(secret), expiresAt: expires_at };
      const row = await transaction({ actor: who.caller.userId }, async (tx) => {
        const made = await insertToken(tx.sql, { ...token, createdBy: who.caller.userId }, MAX_TOKENS);
        if (made === undefined) throw new AppError("full", "The maximum number of service tokens is reached.");
        await recordAudit(tx.sql, who, {
          action: "service-token:issued",
          subject: `service-token:${id}`,
          detail: { name, scopes, rooms, expires_at },
        });
        tx.log(TOKENS_ROOM, "token:changed", { token_id: id });
        return made;
      });
      await reload();
      return { ...toServiceToken(row), token: formatToken(id, secret) };
    },

    async rotate(who, id, overlapSeconds) {
      const secret = newSecret();
      const row = await transaction({ actor: who.caller.userId }, async (tx) => {
        const rotated = await rotateToken(tx.sql, id, digestSecret(secret), overlapSeconds);
        if (rotated === undefined) throw new AppError("not_found", "There is no such service token.");
        refuseEscalation(who, rotated.scopes, rotated.rooms);
        if (overlapSeconds === 0) await issuedSessions.endAll(tx, id);
        else await issuedSessions.endAfter(tx, id, overlapSeconds);
        await recordAudit(tx.sql, who, {
          action: "service-token:changed",
          subject: `service-token:${id}`,
          detail: { name: rotated.name, overlap_seconds: overlapSeconds },
        });
        tx.log(TOKENS_ROOM, "token:changed", { token_id: id });
        return rotated;
      });
      await reload();
      return { ...toServiceToken(row), token: formatToken(id, secret) };
    },

    async revoke(who, id) {
      await transaction({ actor: who.caller.userId }, async (tx) => {
        await issuedSessions.endAll(tx, id);
        const name = await deleteToken(tx.sql, id);
        if (name === null) return;
        await recordAudit(tx.sql, who, {
          action: "service-token:revoked",
          subject: `service-token:${id}`,
          detail: { name },
        });
        tx.log(TOKENS_ROOM, "token:changed", { token_id: id });
      });
      await reload();
    },
  };
}

/** Who holds a token's secret has its rights: an admin creates, and rotates, none that may do more than they may. */
function refuseEscalation(who: AuditActor<UserCaller>, scopes: readonly string[], rooms: readonly string[]): void {
  if (who.caller.role === "owner") return;
  if (scopes.includes("tokens:issue")) {
    const message = "Only an owner lets a service act as people.";
    throw new AppError("forbidden", message, { errors: [{ pointer: "/scopes", code: "forbidden", message }] });
  }
  if (scopes.some((scope) => READ_SCOPES.includes(scope as Scope))) requireRoomAccess(who, rooms);
}

/** 256 random bits. */
function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

function formatToken(id: string, secret: string): string {
  return `ust_${id}_${secret}`;
}

function toServiceToken(row: TokenRow): ServiceToken {
  return {
    id: row.id,
    name: row.name,
    // A scope of a newer release stays in the table; here it is ignored.
    scopes: row.scopes.filter((scope): scope is Scope => ALL_SCOPES.includes(scope as Scope)),
    rooms: row.rooms,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    rotated_at: row.rotated_at?.toISOString() ?? null,
    previous_until: row.previous_until?.toISOString() ?? null,
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
  };
}
