import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import type { Message } from "../../../protocol/objects.ts";
import type { ChannelView } from "./channel-view.ts";

export interface Reply {
  /** The message that is being replied to, as it is now. */
  replyTo: Message | null;
  setReplyTo: (message: Message | null) => void;
}

/** What the next message replies to. A message that is deleted meanwhile is no longer shown or replied to, and `onGone` is called. */
export function useReply({ window }: ChannelView, onGone: (text: string) => void): Reply {
  const [chosen, setReplyTo] = useState<Message | null>(null);
  // Only this message is observed: other new ones do not render the composer again.
  const current = useCallback(
    () => chosen && (window.get().messages.find(({ id }) => id === chosen.id) ?? chosen),
    [window, chosen],
  );
  const message = useSyncExternalStore(window.subscribe, current, current);
  const isGone = message !== null && message.deleted_at !== null;
  useEffect(() => {
    if (!isGone) return;
    setReplyTo(null);
    onGone("The message you were replying to was deleted. Your text is still here, as a new message.");
  }, [isGone, onGone]);
  return { replyTo: isGone ? null : message, setReplyTo };
}
