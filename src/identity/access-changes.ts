import { z } from "zod";
import { CLOSE, type CloseReason } from "../../protocol/codes.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import type { Tx } from "../platform/postgres/transaction.ts";
import type { InternalRoom, Watcher } from "../realtime/index.ts";
import type { IdentityContext } from "./identity-context.ts";
import { recheckConnections } from "./recheck.ts";

/**
 * Changes that one node makes and all nodes must apply: log entries, written in the same transaction. Every node, including this
 * one, applies a change when it sees the entry: at once here, within a second elsewhere, also without a broker. Only ids, no
 * names: entries remain after a person is erased.
 */
const ROOM: InternalRoom = "_identity";

/** Maximum ids of sessions in one entry. */
const MAX_IDS_PER_ENTRY = 1_000;

const Reason = z.enum(Object.keys(CLOSE) as [CloseReason, ...CloseReason[]]);
const CHANGES = {
  "sessions:ended": z.object({ ids: z.array(z.string()), reason: Reason }),
  "person:ended": z.object({ user_id: z.string(), sessions: z.array(z.string()), reason: Reason }),
  "person:readmitted": z.object({ user_id: z.string() }),
  "person:changed": z.object({ user_id: z.string() }),
} as const;
type ChangeType = keyof typeof CHANGES;

function emit<T extends ChangeType>(tx: Tx, type: T, change: z.infer<(typeof CHANGES)[T]>): void {
  tx.log(ROOM, type, change);
}

export function emitSessionsEnded(tx: Tx, ids: readonly string[], reason: CloseReason = "signed_out"): void {
  for (let from = 0; from < ids.length; from += MAX_IDS_PER_ENTRY)
    emit(tx, "sessions:ended", { ids: ids.slice(from, from + MAX_IDS_PER_ENTRY), reason });
}

/** All access of a person ends: `sessions`, which were deleted, and connections by a foreign token. */
export function emitUserEnded(tx: Tx, userId: string, sessions: string[], reason: CloseReason): void {
  emit(tx, "person:ended", { user_id: userId, sessions, reason });
}

/** The person's ban was lifted. */
export function emitUserReadmitted(tx: Tx, userId: string): void {
  emit(tx, "person:readmitted", { user_id: userId });
}

/** The person's name or role has changed. */
export function emitUserChanged(tx: Tx, userId: string): void {
  emit(tx, "person:changed", { user_id: userId });
}

/** Starts to apply the changes of this and other nodes. */
export function followChanges(context: IdentityContext): void {
  context.realtime.watch(ROOM, createWatcher(context));
}

function createWatcher(context: IdentityContext): Watcher {
  const { sessionCache, logger } = context;
  const latest = new LatestSeqs();
  const handleEntry = ({ seq, type, payload }: LogEntry) => {
    const change = JSON.parse(payload);
    switch (type) {
      case "sessions:ended": {
        const { ids, reason } = CHANGES[type].parse(change);
        return sessionCache.endSessions(ids, reason);
      }
      case "person:ended": {
        const { user_id, sessions, reason } = CHANGES[type].parse(change);
        return latest.isNewer(user_id, seq) ? sessionCache.endUser(user_id, sessions, reason) : undefined;
      }
      case "person:readmitted": {
        const { user_id } = CHANGES[type].parse(change);
        return latest.isNewer(user_id, seq) ? sessionCache.readmitUser(user_id) : undefined;
      }
      case "person:changed":
        return applyUserChange(context, CHANGES[type].parse(change).user_id);
    }
  };
  return {
    entry: handleEntry,
    async interrupted() {
      latest.clear();
      await recheckConnections(context);
      logger.warn({}, "changes of other nodes may have been missed: all open connections were checked again");
    },
  };
}

/** Applies a user's changed name or role on this node. */
function applyUserChange({ sessionCache, realtime, logger }: IdentityContext, userId: string): void {
  sessionCache.invalidateUser(userId);
  sessionCache.user(userId).then(
    (user) => user && realtime.updateUser(userId, user),
    (error: unknown) => logger.error({ err: error }, "a changed name could not be read; the next token updates it"),
  );
}

/**
 * Entries can be read repeatedly and in any order, and a ban that is read again after it was lifted must close nothing: an entry
 * about a person applies only when it is newer than all before it.
 */
class LatestSeqs {
  readonly #seqs = new Map<string, number>();

  isNewer(userId: string, seq: number): boolean {
    if (seq <= (this.#seqs.get(userId) ?? 0)) return false;
    this.#seqs.delete(userId);
    this.#seqs.set(userId, seq);
    if (this.#seqs.size > 10_000) this.#seqs.delete(this.#seqs.keys().next().value!);
    return true;
  }

  clear(): void {
    this.#seqs.clear();
  }
}
