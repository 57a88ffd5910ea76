import { useEffect } from "react";
import type { ChannelView } from "./channel-view.ts";
import { useChat } from "./chat-context.tsx";
import { countUnreadAfter, ReadMarker } from "./read-marker.ts";

/** Marks are sent at most this often. */
const INTERVAL_MS = 1_000;

/** Marks a channel read as far as its messages were in sight while the page was being looked at. */
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
    // Where nothing is unread, only what comes from now on can be.
    const readSeq = (opened?.unread === 0 ? opened.last_seq : opened?.last_read_seq) ?? 0;

    const update = () => {
      const isLooking = document.visibilityState === "visible" && document.hasFocus();
      const { read, following } = channelView.visibleRange.get();
      channelList.activeChannelId = isLooking && following ? channelId : null;
      const here = channelView.window.get();
      const place = isLooking ? here.messages.find(({ id }) => id === read) : undefined;
      if (!place || place.seq <= readSeq || !marker.read(place)) return;
      const channel = channelList.find(channelId);
      if (!channel) return;
      const unread = countUnreadAfter(here, place.seq, channel, channelList.userId);
      // While new messages are in sight the count stays 0, and the server tells the mark.
      if (unread !== null && unread !== channel.unread)
        channelList.setReadMark(channelId, { last_read_id: place.id, last_read_seq: place.seq, unread });
    };
    // The socket may be gone before the last mark has left it.
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
