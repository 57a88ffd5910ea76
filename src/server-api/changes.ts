import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../platform/errors.ts";
import type { Realtime } from "../realtime/index.ts";
import type { ChangeNotifier } from "./change-notifier.ts";
import { decodeCursor, encodeCursor, type LogCursor } from "./cursor.ts";
import type { Change, Changes, ChangesQuery, ServerApiDeps } from "./index.ts";
import { requireService } from "./policy.ts";
import { type ChangeRow, type Filter, findWindow, readBounds, readWindow } from "./store/changes.ts";

/** Maximum windows that one call reads, for a caller whose filter matches few entries. */
const MAX_WINDOWS = 20;
/** ms. */
const MAX_WAIT_MS = 10_000;
/** Calls of one token that wait on this node at once. */
const MAX_WAITING_CALLS = 50;
/** ms between two polls of one call: not every entry is worth a query. */
const MIN_POLL_INTERVAL_MS = 50;

/**
 * The log of all rooms, window by window between two checkpoints: every entry that became visible, once, in order per room, also those
 * that committed late. The cursor goes back and forth as text; nothing is stored here.
 */
export function createChanges({
  sql,
  source,
  maxWaitMs,
  realtime,
  notifier,
}: Pick<ServerApiDeps, "sql" | "source" | "maxWaitMs"> & { realtime: Pick<Realtime, "beginLongResponse"> } & {
  notifier: Pick<ChangeNotifier, "next" | "isClosed">;
}): Changes {
  const waiting = new Map<string, number>();

  return async (caller, query) => {
    const { tokenId, rooms } = requireService(caller, "changes");
    if ((query.wait ?? 0) === 0) return read(rooms, query);
    const others = waiting.get(tokenId) ?? 0;
    if (others >= MAX_WAITING_CALLS)
      throw new AppError("rate_limited", `${MAX_WAITING_CALLS} calls with this token are waiting already.`, {
        retry_after: 1,
      });
    waiting.set(tokenId, others + 1);
    const response = realtime.beginLongResponse({
      caller: requireService(caller, "changes"),
      address: query.address ?? null,
    });
    try {
      const signals = [response.signal, ...(query.signal === undefined ? [] : [query.signal])];
      const found = await read(rooms, { ...query, signal: AbortSignal.any(signals) });
      // Its token was revoked meanwhile: entries since then are not for it.
      response.signal.throwIfAborted();
      return found;
    } finally {
      response.end();
      const left = waiting.get(tokenId)! - 1;
      if (left === 0) waiting.delete(tokenId);
      else waiting.set(tokenId, left);
    }
  };

  async function read(rooms: readonly string[], { after, types, limit, wait = 0, signal }: ChangesQuery) {
    const filter: Filter = { rooms: rooms.map(toLikePattern), types: types?.map(toLikePattern) ?? null };
    const until = performance.now() + Math.min(wait, maxWaitMs, MAX_WAIT_MS);
    const ended = whenAborted(signal);
    let cursor = await startCursor(after);
    for (;;) {
      const notified = notifier.next();
      const polledAt = performance.now();
      const found = await readWindows(cursor, filter, limit);
      cursor = found.cursor;
      const left = until - performance.now();
      if (found.rows.length > 0 || left <= 0 || signal?.aborted || notifier.isClosed) {
        const data = found.rows.map((row) => toChange(row, cursor.epoch, source));
        return { data, next: encodeCursor(cursor) };
      }
      await Promise.race([notified, sleep(left, undefined, { ref: false }), ended]);
      const tooEarlyMs = polledAt + MIN_POLL_INTERVAL_MS - performance.now();
      if (tooEarlyMs > 0 && !notifier.isClosed && !signal?.aborted) await sleep(tooEarlyMs);
    }
  }

  async function startCursor(after: string | undefined): Promise<LogCursor> {
    const { oldest, newest, epoch } = await readBounds(sql);
    if (after === undefined) return { epoch, checkpoint: newest, partialWindow: null };
    if (after === "0") return { epoch, checkpoint: oldest, partialWindow: null };
    const cursor = decodeCursor(after);
    if (cursor.epoch !== epoch || cursor.checkpoint > newest) throw pastRetention();
    return cursor;
  }

  async function readWindows(
    start: LogCursor,
    filter: Filter,
    limit: number,
  ): Promise<{ rows: ChangeRow[]; cursor: LogCursor }> {
    const rows: ChangeRow[] = [];
    let cursor = start;
    for (let windows = 0; windows < MAX_WINDOWS && rows.length < limit; windows++) {
      const found = await findWindow(sql, cursor.checkpoint, cursor.partialWindow?.to ?? cursor.checkpoint);
      if (found === null) throw pastRetention();
      // A position within a window is valid only in that window: if an end of it was thinned out, it starts again.
      // Nor does one that no response contained, which would have the whole log read at once.
      const partialWindow =
        found.isIntact && cursor.partialWindow !== null && cursor.partialWindow.to <= found.to
          ? cursor.partialWindow
          : null;
      const window = partialWindow === null ? found : { from: found.from, to: partialWindow.to };
      if (window.to === window.from) break;
      const page = await readWindow(sql, window, partialWindow, filter, limit - rows.length);
      rows.push(...page.rows);
      const last = page.rows.at(-1);
      cursor =
        page.more && last !== undefined
          ? {
              ...cursor,
              checkpoint: window.from,
              partialWindow: { to: window.to, roomId: last.room_id, seq: last.seq },
            }
          : { ...cursor, checkpoint: window.to, partialWindow: null };
      if (page.more) break;
    }
    return { rows, cursor };
  }
}

/** Resolves when it is aborted; without a signal never. */
function whenAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
}

function pastRetention(): AppError {
  return new AppError(
    "past_retention",
    "The entries after this position are no longer stored. Load the current state and continue from now.",
  );
}

/** `booking:*` for LIKE: every character is literal except a `*` at the end. */
function toLikePattern(pattern: string): string {
  const [text, end] = pattern.endsWith("*") ? [pattern.slice(0, -1), "%"] : [pattern, ""];
  return text.replace(/[\\%_]/g, "\\$&") + end;
}

function toChange({ room, seq, type, payload, at }: ChangeRow, epoch: string, source: string): Change {
  return {
    id: `${room}:${epoch}:${seq}`,
    source,
    type,
    time: at.toISOString(),
    room,
    seq,
    data: payload,
  };
}
