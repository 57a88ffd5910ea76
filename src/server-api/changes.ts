import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../platform/errors.ts";
import type { Realtime } from "../realtime/index.ts";
import type { Bell } from "./bell.ts";
import { type Place, readCursor, writeCursor } from "./cursor.ts";
import type { Change, Changes, ChangesQuery, ServerApiDeps } from "./index.ts";
import { service } from "./policy.ts";
import { between, type ChangeRow, ends, type Filter, windowFrom } from "./store/changes.ts";

/** Windows that one call looks through for a caller who wants little of much. */
const MOST_WINDOWS = 20;
/** ms. */
const MOST_WAIT = 10_000;
/** Calls of one token that wait on this node at once. */
const MOST_WAITING = 50;
/** ms between two looks of one call: not everything that happens anywhere is worth a query. */
const LOOK_EVERY = 50;

/**
 * The log of all rooms, window by window between two ticks: every entry that became visible, once, in order per room, also those
 * that committed late. The place goes back and forth as text; nothing is kept here.
 */
export function createChanges({
  sql,
  source,
  longestWait,
  realtime,
  bell,
}: Pick<ServerApiDeps, "sql" | "source" | "longestWait"> & { realtime: Pick<Realtime, "beginLongResponse"> } & {
  bell: Pick<Bell, "next" | "closed">;
}): Changes {
  const waiting = new Map<string, number>();

  return async (caller, query) => {
    const { tokenId, rooms } = service(caller, "changes");
    if ((query.wait ?? 0) === 0) return read(rooms, query);
    const others = waiting.get(tokenId) ?? 0;
    if (others >= MOST_WAITING)
      throw new AppError("rate_limited", `${MOST_WAITING} calls with this token wait already.`, { retry_after: 1 });
    waiting.set(tokenId, others + 1);
    const answer = realtime.beginLongResponse({ caller: service(caller, "changes"), address: query.address ?? null });
    try {
      const signals = [answer.signal, ...(query.signal === undefined ? [] : [query.signal])];
      const found = await read(rooms, { ...query, signal: AbortSignal.any(signals) });
      // Its token was revoked meanwhile: what has come since is not for it.
      answer.signal.throwIfAborted();
      return found;
    } finally {
      answer.end();
      const left = waiting.get(tokenId)! - 1;
      if (left === 0) waiting.delete(tokenId);
      else waiting.set(tokenId, left);
    }
  };

  async function read(rooms: readonly string[], { after, types, limit, wait = 0, signal }: ChangesQuery) {
    const filter: Filter = { rooms: rooms.map(likeOf), types: types?.map(likeOf) ?? null };
    const until = performance.now() + Math.min(wait, longestWait, MOST_WAIT);
    const ended = aborted(signal);
    let place = await begin(after);
    for (;;) {
      const rung = bell.next();
      const looked = performance.now();
      const found = await collect(place, filter, limit);
      place = found.place;
      const left = until - performance.now();
      if (found.rows.length > 0 || left <= 0 || signal?.aborted || bell.closed) {
        const data = found.rows.map((row) => changeOf(row, place.epoch, source));
        return { data, next: writeCursor(place) };
      }
      await Promise.race([rung, sleep(left, undefined, { ref: false }), ended]);
      const early = looked + LOOK_EVERY - performance.now();
      if (early > 0 && !bell.closed && !signal?.aborted) await sleep(early);
    }
  }

  async function begin(after: string | undefined): Promise<Place> {
    const { oldest, newest, epoch } = await ends(sql);
    if (after === undefined) return { epoch, tick: newest, within: null };
    if (after === "0") return { epoch, tick: oldest, within: null };
    const place = readCursor(after);
    if (place.epoch !== epoch || place.tick > newest) throw gone();
    return place;
  }

  async function collect(start: Place, filter: Filter, limit: number): Promise<{ rows: ChangeRow[]; place: Place }> {
    const rows: ChangeRow[] = [];
    let place = start;
    for (let windows = 0; windows < MOST_WINDOWS && rows.length < limit; windows++) {
      const found = await windowFrom(sql, place.tick, place.within?.to ?? place.tick);
      if (found === null) throw gone();
      // The middle of a window means something only in that window: if an end of it was thinned out, from its beginning again.
      // Nor does one that no answer told, which would have the whole log read at once.
      const within = found.whole && place.within !== null && place.within.to <= found.to ? place.within : null;
      const window = within === null ? found : { from: found.from, to: within.to };
      if (window.to === window.from) break;
      const page = await between(sql, window, within, filter, limit - rows.length);
      rows.push(...page.rows);
      const last = page.rows.at(-1);
      place =
        page.more && last !== undefined
          ? { ...place, tick: window.from, within: { to: window.to, roomId: last.room_id, seq: last.seq } }
          : { ...place, tick: window.to, within: null };
      if (page.more) break;
    }
    return { rows, place };
  }
}

/** Resolves when it is; without a signal never. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
}

function gone(): AppError {
  return new AppError(
    "past_retention",
    "What came after that place is no longer kept. Load the state anew, and go on from now.",
  );
}

/** `booking:*` for LIKE: everything stands for itself but a `*` at the end. */
function likeOf(pattern: string): string {
  const [text, end] = pattern.endsWith("*") ? [pattern.slice(0, -1), "%"] : [pattern, ""];
  return text.replace(/[\\%_]/g, "\\$&") + end;
}

function changeOf({ room, seq, type, payload, at }: ChangeRow, epoch: string, source: string): Change {
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
