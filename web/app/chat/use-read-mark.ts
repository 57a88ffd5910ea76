import { useEffect } from "react";
import type { ChannelView } from "./channel-view.ts";
import { useChat } from "./chat-context.tsx";
import { countUnreadAfter, ReadMarker } from "./read-marker.ts";

/** Minimum time between two marks. */
const INTERVAL_MS = 1_000;

/** Marks a channel read as far as its messages were visible while the page had the focus. */
export function useReadMark(channelView: ChannelView): void {
  const { channelList, client } = useChat();

  useEffect(() => {
    if (!client) return;
    const { channelId } = channelView;
    const marker = new ReadMarker(
      ({ id }) => client.command("read:mark", { channel_id: channelId, message_id: id }),
      INTERVAL_MS,
    );
    const opened = channelList.find(channelId);
    // If nothing is unread, only new messages can be.
    const readSeq = (opened?.unread === 0 ? opened.last_seq : opened?.last_read_seq) ?? 0;

    const update = () => {
      const hasAttention = document.visibilityState === "visible" && document.hasFocus();
      const { read, following } = channelView.visibleRange.get();
      channelList.activeChannelId = hasAttention && following ? channelId : null;
      const shown = channelView.window.get();
      const position = hasAttention ? shown.messages.find(({ id }) => id === read) : undefined;
      if (!position || position.seq <= readSeq || !marker.read(position)) return;
      const channel = channelList.find(channelId);
      if (!channel) return;
      const unread = countUnreadAfter(shown, position.seq, channel, channelList.userId);
      // While new messages are visible the count stays 0, and the mark comes from the server.
      if (unread !== null && unread !== channel.unread)
        channelList.setReadMark(channelId, { last_read_id: position.id, last_read_seq: position.seq, unread });
    };
    // The socket may be closed before the last mark is sent.
    const saveLast = () => marker.saveLast(({ id }) => client.rest.channels.markRead(channelId, id));
    const stops = [
      channelView.visibleRange.subscribe(update),
      client.on("state", (state) => state === "live" && marker.flush()),
    ];
    for (const event of ["focus", "blur"]) window.addEventListener(event, update);
    window.addEventListener("pagehide", saveLast);
    document.addEventListener("visibilitychange", update);
    update();
    return () => {
      marker.stop();
      for (const stop of stops) stop();
      for (const event of ["focus", "blur"]) window.removeEventListener(event, update);
      window.removeEventListener("pagehide", saveLast);
      document.removeEventListener("visibilitychange", update);
      channelList.activeChannelId = null;
    };
  }, [channelView, channelList, client]);
}
