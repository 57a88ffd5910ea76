import type { Caller } from "../platform/caller.ts";
import type { ChatDeps } from "./deps.ts";
import { createBatchedAccess, requireUser } from "./policy.ts";

/** Who is typing now: sent to the others in the channel, not stored. A client removes it after some seconds. */
export interface Typing {
  start(caller: Caller, channelId: string): Promise<void>;
  stop(caller: Caller, channelId: string): Promise<void>;
}

export function createTyping({ sql, realtime }: Pick<ChatDeps, "sql" | "realtime">): Typing {
  const access = createBatchedAccess(sql);
  return {
    async start(caller, channelId) {
      const { userId, username } = requireUser(caller);
      await access(caller, channelId, "read");
      const payload = { channel_id: channelId, user_id: userId, username };
      realtime.publishEphemeral(`channel:${channelId}`, "typing:started", payload, userId);
    },

    async stop(caller, channelId) {
      const { userId } = requireUser(caller);
      await access(caller, channelId, "read");
      const payload = { channel_id: channelId, user_id: userId };
      realtime.publishEphemeral(`channel:${channelId}`, "typing:stopped", payload, userId);
    },
  };
}
