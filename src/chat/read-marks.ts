import type { Caller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import { createBatcher } from "../platform/postgres/batcher.ts";
import type { ChatDeps } from "./deps.ts";
import { accessChannel, person } from "./policy.ts";
import { countUnread, type Mark, type Marked, markRead } from "./store/read-marks.ts";

export interface ReadMarks {
  /**
   * Moves the caller's mark forward to this message, never back and never past the newest; tells his other devices.
   * `unread`: messages of others behind the mark, at most 100. Throws `not_found`, `forbidden`.
   */
  mark(caller: Caller, channelId: string, messageId: string): Promise<{ last_read_id: string | null; unread: number }>;
  /** The caller's channels that have something unread, each count at most 100; `total` is their sum. */
  counts(caller: Caller): Promise<{ channels: { channel_id: string; unread: number }[]; total: number }>;
}

export function createReadMarks({ sql, realtime }: Pick<ChatDeps, "sql" | "realtime">): ReadMarks {
  const run = (batch: readonly Mark[]) => markRead(sql, batch);
  const marks = createBatcher<Mark, Marked | null>({
    run,
    apart: { key: ({ channelId, userId }) => `${channelId} ${userId}`, run },
  });

  return {
    async mark(caller, channelId, messageId) {
      const { userId } = person(caller);
      const marked = await marks.add({ channelId, userId, messageId });
      if (marked === null) {
        await accessChannel(sql, caller, channelId, "read");
        throw new AppError("unavailable", "You joined this channel just now. Try again.");
      }
      const { lastReadId, unread } = marked;
      if (lastReadId !== null) {
        const payload = { channel_id: channelId, last_read_id: lastReadId, unread };
        realtime.publishEphemeral(`user:${userId}`, "read:marked", payload);
      }
      return { last_read_id: lastReadId, unread };
    },

    async counts(caller) {
      const channels = await countUnread(sql, person(caller).userId);
      return { channels, total: channels.reduce((sum, { unread }) => sum + unread, 0) };
    },
  };
}
