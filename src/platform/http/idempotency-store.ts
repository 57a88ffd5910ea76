import type { Sql } from "../postgres/sql.ts";
import { repeatUntilEmpty, SWEEP_BATCH } from "../postgres/sweep-batches.ts";
import type { Claim, IdempotencyStore } from "./run-idempotent.ts";

/** How long an attempt may run before another one with the same key takes over (its node has probably died). */
const LEASE_SECONDS = 60;

/** The table `idempotency_keys`; see db/migrations/004. */
export function createIdempotencyStore(sql: Sql): IdempotencyStore & { sweep(): Promise<number> } {
  return {
    async claim({ actor, keyHash }, requestHash): Promise<Claim> {
      const [claimed] = await sql<{ attempt: number }[]>`
        insert into idempotency_keys as stored (actor, key_hash, request_hash, lease_until)
        values (${actor}, ${keyHash}, ${requestHash}, now() + make_interval(secs => ${LEASE_SECONDS}))
        on conflict (actor, key_hash) do update
           set request_hash = excluded.request_hash, lease_until = excluded.lease_until,
               attempt = stored.attempt + 1, answer = null, created_at = now()
         where stored.created_at < now() - interval '24 hours'
            or (stored.answer is null and stored.lease_until < now() and stored.request_hash = excluded.request_hash)
        returning attempt`;
      if (claimed !== undefined) return { state: "claimed", attempt: claimed.attempt };
      const [stored] = await sql<{ same: boolean; result: Uint8Array | null }[]>`
        select request_hash = ${requestHash} as same, answer as result
          from idempotency_keys where actor = ${actor} and key_hash = ${keyHash}`;
      // No row: the first attempt has just failed and released the key. The client tries again in a second.
      if (stored === undefined) return { state: "running" };
      if (!stored.same) return { state: "mismatch" };
      return stored.result === null ? { state: "running" } : { state: "done", result: stored.result };
    },

    async saveResult({ actor, keyHash }, attempt, result) {
      await sql`
        update idempotency_keys set answer = ${result}
         where actor = ${actor} and key_hash = ${keyHash} and attempt = ${attempt}`;
    },

    async release({ actor, keyHash }, attempt) {
      if (attempt === 1)
        await sql`delete from idempotency_keys where actor = ${actor} and key_hash = ${keyHash} and attempt = 1`;
      else
        await sql`
          update idempotency_keys set lease_until = '-infinity'
           where actor = ${actor} and key_hash = ${keyHash} and attempt = ${attempt}`;
    },

    /** Removes what is older than 24 h; returns how many rows that were. Run it every hour. */
    async sweep() {
      return repeatUntilEmpty(async () => {
        const { count } = await sql`
          delete from idempotency_keys where created_at < now() - interval '24 hours' and (actor, key_hash) in (
            select actor, key_hash from idempotency_keys where created_at < now() - interval '24 hours'
             order by created_at limit ${SWEEP_BATCH})`;
        return count;
      });
    },
  };
}
