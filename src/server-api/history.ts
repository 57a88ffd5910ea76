import { AppError } from "../platform/errors.ts";
import type { History, ServerApiDeps } from "./index.ts";
import { parseRoom, requireService } from "./policy.ts";
import { pageRoom } from "./store/history.ts";

/** A room's log from a position on, for callers who may read it. */
export function createHistory({ sql, realtime }: Pick<ServerApiDeps, "sql" | "realtime">): History {
  return async (caller, { room: name, after, limit }) => {
    const room = parseRoom(name);
    if (caller.kind === "service") requireService(caller, "history", room);
    else await realtime.authorize(caller, room);
    const { head, epoch, entries } = await pageRoom(sql, room, after, limit);
    const wanted = Math.min(limit, Math.max(0, head - after));
    // Seqs have no gaps: when the first one does not follow `after`, the entries between were removed by the retention.
    const isComplete = entries.length === wanted && entries.every(({ seq }, i) => seq === after + 1 + i);
    if (!isComplete)
      throw new AppError("past_retention", "Some entries after this position are no longer stored.", {
        head_seq: head,
        epoch,
      });
    const data = entries.map(({ seq, type, payload, at }) => ({
      room,
      seq,
      type,
      time: at.toISOString(),
      payload,
    }));
    return { data, head_seq: head, epoch };
  };
}
