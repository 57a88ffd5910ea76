import type { Context } from "hono";
import type { ServiceCaller, UserCaller } from "./caller.ts";
import type { ApiEnv } from "./http/api.ts";
import { STEP, untilNone } from "./postgres/in-steps.ts";
import type { ISql, Sql, TransactionSql } from "./postgres/sql.ts";

/** Every act that is written down. A new one gets its name here: what it is done to, and what was done. */
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

/** Who acts, and from where; a route makes it with `by(c)`. */
export interface By<C extends UserCaller | ServiceCaller = UserCaller | ServiceCaller> {
  caller: C;
  /** Null: not by a request. */
  address: string | null;
}

/** What was done on the machine itself: a signal, a command. */
export const SYSTEM = "system";

export interface Act {
  action: Action;
  /** What it was done to: `user:<id>`, `ban:<id>`, `setting:<NAME>`, `node:<id>`. */
  subject: string;
  /** What else one wants to know later. No secrets, and no texts or names of people: rows outlive them. */
  detail?: Record<string, unknown>;
}

/** Who makes this request, for `record`. On a route with `auth: "admin"` it is a person. */
export function by<C extends UserCaller | ServiceCaller>(
  c: Pick<Context<ApiEnv & { Variables: { caller: C } }>, "get">,
): By<C> {
  return { caller: c.get("caller"), address: c.get("address") };
}

/** Writes an act down, in the transaction that does it: neither happens without the other. */
export async function record(tx: TransactionSql, who: By | typeof SYSTEM, act: Act): Promise<void> {
  const { id, name } = identityOf(who);
  const address = who === SYSTEM ? null : who.address;
  await tx`
    INSERT INTO audit (actor, actor_name, action, subject, detail, address)
    VALUES (${id}, ${name}, ${act.action}, ${act.subject}, ${JSON.stringify(act.detail ?? {})}::jsonb, ${address})`;
}

function identityOf(who: By | typeof SYSTEM): { id: string; name: string } {
  if (who === SYSTEM) return { id: SYSTEM, name: SYSTEM };
  const { caller } = who;
  return caller.kind === "user"
    ? { id: caller.userId, name: caller.username }
    : { id: caller.tokenId, name: caller.name };
}

/** Takes a person out of the acts that he did: the id stays, and names nobody. */
export async function eraseFromAudit(tx: TransactionSql, userId: string): Promise<void> {
  await tx`UPDATE audit SET actor_name = NULL, address = NULL WHERE actor = ${userId}`;
}

/** The acts of a person, for his export. */
export async function auditOf(sql: ISql, userId: string) {
  return sql<{ at: Date; action: string; subject: string; detail: unknown; address: string | null }[]>`
    SELECT at, action, subject, detail, address FROM audit WHERE actor = ${userId} ORDER BY id`;
}

/** Removes what is older than `retention` ms. */
export async function sweepAudit(sql: Sql, retention: number): Promise<void> {
  await untilNone(async () => {
    const { count } = await sql`
      DELETE FROM audit WHERE id = ANY (ARRAY(
        SELECT id FROM audit WHERE at < clock_timestamp() - ${retention}::float8 * interval '1 millisecond' ORDER BY at LIMIT ${STEP}))`;
    return count;
  });
}
