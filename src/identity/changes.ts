import { z } from "zod";
import { CLOSE, type CloseReason } from "../../protocol/codes.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { InternalRoom, Watcher } from "../realtime/index.ts";
import type { Parts } from "./parts.ts";
import { recheck } from "./recheck.ts";

/**
 * What one node does and all must act on: an entry of the log, written in the transaction that does it. Every node, this one
 * too, acts when it sees the entry: at once here, within a second elsewhere, also without a broker. Only ids, no names: entries
 * outlive people.
 */
const ROOM: InternalRoom = "_identity";

/** Ids of sessions in one entry. */
const MOST = 1_000;

const Reason = z.enum(Object.keys(CLOSE) as [CloseReason, ...CloseReason[]]);
const CHANGES = {
  "sessions:ended": z.object({ ids: z.array(z.string()), reason: Reason }),
  "person:ended": z.object({ user_id: z.string(), sessions: z.array(z.string()), reason: Reason }),
  "person:readmitted": z.object({ user_id: z.string() }),
  "person:changed": z.object({ user_id: z.string() }),
} as const;
type ChangeType = keyof typeof CHANGES;

function tell<T extends ChangeType>(tx: Tx, type: T, change: z.infer<(typeof CHANGES)[T]>): void {
  tx.log(ROOM, type, change);
}

export function tellSessionsEnded(tx: Tx, ids: readonly string[], reason: CloseReason = "signed_out"): void {
  for (let from = 0; from < ids.length; from += MOST)
    tell(tx, "sessions:ended", { ids: ids.slice(from, from + MOST), reason });
}

/** Everything of a person ends: `sessions`, which were deleted, and what came by a foreign token. */
export function tellPersonEnded(tx: Tx, userId: string, sessions: string[], reason: CloseReason): void {
  tell(tx, "person:ended", { user_id: userId, sessions, reason });
}

/** The person's ban was lifted. */
export function tellPersonReadmitted(tx: Tx, userId: string): void {
  tell(tx, "person:readmitted", { user_id: userId });
}

/** The person's name or role is another now. */
export function tellPersonChanged(tx: Tx, userId: string): void {
  tell(tx, "person:changed", { user_id: userId });
}

/** Begins to act on what this and other nodes tell. */
export function followChanges(parts: Parts): void {
  parts.realtime.watch(ROOM, watcher(parts));
}

function watcher(parts: Parts): Watcher {
  const { living, logger } = parts;
  const latest = new Latest();
  const act = ({ seq, type, payload }: LogEntry) => {
    const change = JSON.parse(payload);
    switch (type) {
      case "sessions:ended": {
        const { ids, reason } = CHANGES[type].parse(change);
        return living.endSessions(ids, reason);
      }
      case "person:ended": {
        const { user_id, sessions, reason } = CHANGES[type].parse(change);
        return latest.is(user_id, seq) ? living.endPerson(user_id, sessions, reason) : undefined;
      }
      case "person:readmitted": {
        const { user_id } = CHANGES[type].parse(change);
        return latest.is(user_id, seq) ? living.readmit(user_id) : undefined;
      }
      case "person:changed":
        return showChanged(parts, CHANGES[type].parse(change).user_id);
    }
  };
  return {
    entry: act,
    async interrupted() {
      latest.forget();
      await recheck(parts);
      logger.warn({}, "news of other nodes may have been missed: all open connections were checked again");
    },
  };
}

/** Under which name and role somebody is known here, from now on. */
function showChanged({ living, realtime, logger }: Parts, userId: string): void {
  living.changed(userId);
  living.person(userId).then(
    (person) => person && realtime.updateUser(userId, person),
    (error: unknown) => logger.error({ err: error }, "a changed name could not be read; it is known by the next token"),
  );
}

/**
 * Entries come repeatedly and in any order, and a ban that is seen again after it was lifted must close nothing: of what is said
 * about a person only what is newer than all before counts.
 */
class Latest {
  readonly #seqs = new Map<string, number>();

  is(userId: string, seq: number): boolean {
    if (seq <= (this.#seqs.get(userId) ?? 0)) return false;
    this.#seqs.delete(userId);
    this.#seqs.set(userId, seq);
    if (this.#seqs.size > 10_000) this.#seqs.delete(this.#seqs.keys().next().value!);
    return true;
  }

  forget(): void {
    this.#seqs.clear();
  }
}
