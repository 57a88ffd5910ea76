import type { Caller } from "../platform/caller.ts";
import { AppError, invalidField } from "../platform/errors.ts";
import { createBatcher } from "../platform/postgres/batcher.ts";
import type { ChatDeps } from "./deps.ts";
import { accessChannel, requireUser } from "./policy.ts";
import { findSeq } from "./store/messages.ts";
import { countUnread, type MarkMove, type MoveResult, moveReadMarks, type ReadMark } from "./store/read-marks.ts";

export interface ReadMarks {
  /**
   * Moves the caller's mark to this message unless it is on a later one (by seq) already; sends its position to all their devices.
   * `unread`: messages of others after the mark, at most 100. Throws `not_found`, `forbidden`, `invalid` (message_id).
   */
  mark(caller: Caller, channelId: string, messageId: string): Promise<ReadMark>;
  /** The caller's channels that have something unread, each count at most 100; `total` is their sum. */
  counts(caller: Caller): Promise<{ channels: { channel_id: string; unread: number }[]; total: number }>;
}

export function createReadMarks({ sql, realtime }: Pick<ChatDeps, "sql" | "realtime">): ReadMarks {
  const marks = createBatcher<MarkMove, MoveResult>({
    run: (batch) => moveReadMarks(sql, batch, true),
    perKey: {
      key: ({ channelId, userId }) => `${channelId} ${userId}`,
      run: (batch) => moveReadMarks(sql, batch, false),
      isLocked: (moved) => moved === "locked",
    },
  });

  return {
    async mark(caller, channelId, messageId) {
      const { userId } = requireUser(caller);
      const marked = await marks.add({ channelId, userId, messageId });
      if (typeof marked === "string") {
        const { id } = await accessChannel(sql, caller, channelId, "read");
        if ((await findSeq(sql, id, messageId)) !== null) {
          throw new AppError("unavailable", "You have just joined this channel. Try again.");
        }
        const detail = "There is no such message in this channel.";
        throw invalidField("/message_id", "not_found", "is no message of this channel", detail);
      }
      realtime.publishEphemeral(`user:${userId}`, "read:marked", { channel_id: channelId, ...marked });
      return marked;
    },

    async counts(caller) {
      const channels = await countUnread(sql, requireUser(caller).userId);
      return { channels, total: channels.reduce((sum, { unread }) => sum + unread, 0) };
    },
  };
}
