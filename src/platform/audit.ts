import type { Context } from "hono";
import type { ServiceCaller, UserCaller } from "./caller.ts";
import type { ApiEnv } from "./http/api.ts";
import type { ISql, Sql, TransactionSql } from "./postgres/sql.ts";
import { repeatUntilEmpty, SWEEP_BATCH } from "./postgres/sweep-batches.ts";

/** Every action that is audited. A new one gets its name here: what it is done to, and what was done. */
export const ACTIONS = [
  "ban:made",
  "ban:lifted",
  "invite:made",
  "invite:removed",
  "reset-links:read",
  "role:changed",
  "user:disabled",
  "user:enabled",
  "sessions:ended",
  "setting:changed",
  "config:reloaded",
  "service-token:issued",
  "service-token:changed",
  "service-token:revoked",
  "webhook:made",
  "webhook:changed",
  "webhook:removed",
  "webhook:secret-rotated",
  "webhook:redelivered",
  "webhook:tested",
  "node:drained",
  "connection:closed",
  "trace:started",
] as const;

export type Action = (typeof ACTIONS)[number];

/** The actor, and its address; a route makes it with `getAuditActor(c)`. */
export interface AuditActor<C extends UserCaller | ServiceCaller = UserCaller | ServiceCaller> {
  caller: C;
  /** Null: not by a request. */
  address: string | null;
}

/** What was done on the machine itself: a signal, a command. */
export const SYSTEM = "system";

export interface AuditRecord {
  action: Action;
  /** What it was done to: `user:<id>`, `ban:<id>`, `setting:<NAME>`, `node:<id>`. */
  subject: string;
  /** What else one wants to know later. No secrets, and no texts or names of people: rows outlive them. */
  detail?: Record<string, unknown>;
}

/** The caller of this request, for `recordAudit`. On a route with `auth: "admin"` it is a person. */
export function getAuditActor<C extends UserCaller | ServiceCaller>(
  c: Pick<Context<ApiEnv & { Variables: { caller: C } }>, "get">,
): AuditActor<C> {
  return { caller: c.get("caller"), address: c.get("address") };
}

/** Records an action, in the transaction that does it: neither happens without the other. */
export async function recordAudit(
  tx: TransactionSql,
  actor: AuditActor | typeof SYSTEM,
  entry: AuditRecord,
): Promise<void> {
  const { id, name } = getActorIdentity(actor);
  const address = actor === SYSTEM ? null : actor.address;
  await tx`
    INSERT INTO audit (actor, actor_name, action, subject, detail, address)
    VALUES (${id}, ${name}, ${entry.action}, ${entry.subject}, ${JSON.stringify(entry.detail ?? {})}::jsonb, ${address})`;
}

function getActorIdentity(actor: AuditActor | typeof SYSTEM): { id: string; name: string } {
  if (actor === SYSTEM) return { id: SYSTEM, name: SYSTEM };
  const { caller } = actor;
  return caller.kind === "user"
    ? { id: caller.userId, name: caller.username }
    : { id: caller.tokenId, name: caller.name };
}

/** Takes a user's name and address out of the audit records of their actions: the id stays, and names no user. */
export async function eraseFromAudit(tx: TransactionSql, userId: string): Promise<void> {
  await tx`UPDATE audit SET actor_name = NULL, address = NULL WHERE actor = ${userId}`;
}

/** The audit records of a user, for their export. */
export async function listAudit(sql: ISql, userId: string) {
  return sql<{ at: Date; action: string; subject: string; detail: unknown; address: string | null }[]>`
    SELECT at, action, subject, detail, address FROM audit WHERE actor = ${userId} ORDER BY id`;
}

/** Removes what is older than `retention` ms. */
export async function sweepAudit(sql: Sql, retention: number): Promise<void> {
  await repeatUntilEmpty(async () => {
    const { count } = await sql`
      DELETE FROM audit WHERE id = ANY (ARRAY(
        SELECT id FROM audit WHERE at < clock_timestamp() - ${retention}::float8 * interval '1 millisecond' ORDER BY at LIMIT ${SWEEP_BATCH}))`;
    return count;
  });
}
