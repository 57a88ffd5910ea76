import { useOutletContext } from "react-router";
import type { Channel } from "../../../protocol/objects.ts";
import type { RoomPresence } from "../../../sdk/presence.ts";
import { useChat } from "./chat-context.tsx";
import { type Observable, useObservable } from "./observable.ts";

/** What a conversation passes to the panels beside it. */
export interface ChannelContext {
  channel: Channel;
  /** Which members are online now; null: not known. */
  presence: Observable<RoomPresence | null>;
}

export function useChannelContext(): ChannelContext {
  return useOutletContext<ChannelContext>();
}

/** Ids of those who are online now; empty where only the count is known, and without a connection. */
export function useOnlineIds(presence: ChannelContext["presence"]): ReadonlySet<string> {
  const { connectionStatus } = useChat();
  const known = useObservable(presence);
  return new Set(connectionStatus === "connected" ? known?.members?.map(({ user_id }) => user_id) : []);
}

/** How many members are online besides this user. The user is online while the page is open, even if the server does not count them yet. */
export function countOthersOnline(presence: RoomPresence | null, userId: string): number {
  if (presence === null) return 0;
  if (presence.members === null) return Math.max(0, presence.count - 1);
  return presence.members.filter(({ user_id }) => user_id !== userId).length;
}
