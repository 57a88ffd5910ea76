import { useEffect } from "react";
import { useHouse } from "./house-context.tsx";
import { ReadMarker, unreadAfter } from "./read-marker.ts";
import type { Talk } from "./talk.ts";

/** Marks are sent at most this often. */
const EVERY_MS = 1_000;

/** Marks a channel read as far as its messages were in sight while the page was being looked at. */
export function useReadMark(talk: Talk): void {
  const { house, client } = useHouse();

  useEffect(() => {
    if (!client) return;
    const { channelId } = talk;
    const marker = new ReadMarker(
      ({ id }) => client.command("read:mark", { channel_id: channelId, message_id: id }),
      EVERY_MS,
    );
    const opened = house.find(channelId);
    // Where nothing is unread, only what comes from now on can be.
    const readSeq = (opened?.unread === 0 ? opened.last_seq : opened?.last_read_seq) ?? 0;

    const look = () => {
      const isLooking = document.visibilityState === "visible" && document.hasFocus();
      const { read, following } = talk.sight.get();
      house.watched = isLooking && following ? channelId : null;
      const here = talk.window.get();
      const place = isLooking ? here.messages.find(({ id }) => id === read) : undefined;
      if (!place || place.seq <= readSeq || !marker.read(place)) return;
      const channel = house.find(channelId);
      if (!channel) return;
      const unread = unreadAfter(here, place.seq, channel, house.myId);
      // While new messages are in sight the count stays 0, and the server tells the mark.
      if (unread !== null && unread !== channel.unread)
        house.marked(channelId, { last_read_id: place.id, last_read_seq: place.seq, unread });
    };
    // The socket may be gone before the last mark has left it.
    const saveLast = () => marker.saveLast(({ id }) => client.rest.channels.markRead(channelId, id));
    const stops = [talk.sight.subscribe(look), client.on("state", (state) => state === "live" && marker.flush())];
    for (const event of ["focus", "blur"]) window.addEventListener(event, look);
    window.addEventListener("pagehide", saveLast);
    document.addEventListener("visibilitychange", look);
    look();
    return () => {
      marker.stop();
      for (const stop of stops) stop();
      for (const event of ["focus", "blur"]) window.removeEventListener(event, look);
      window.removeEventListener("pagehide", saveLast);
      document.removeEventListener("visibilitychange", look);
      house.watched = null;
    };
  }, [talk, house, client]);
}
