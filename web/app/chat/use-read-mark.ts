import { useEffect } from "react";
import { useHouse } from "./house-context.tsx";
import type { Talk } from "./talk.ts";
import { useValue } from "./value.ts";

/** A glance in passing does not count as reading. */
const GLANCE_MS = 600;

/** Marks the channel read while its end is in sight of somebody who is looking. */
export function useReadMark(talk: Talk): void {
  const { house, client, link } = useHouse();
  const { messages, newer } = useValue(talk.window);
  const last = messages.at(-1);

  useEffect(() => {
    if (!client || !last || newer) return;
    let marked = house.find(talk.channelId)?.last_read_seq ?? 0;
    const look = () => {
      const seen = document.visibilityState === "visible" && document.hasFocus() && talk.following;
      house.watched = seen ? talk.channelId : null;
      if (!seen || link !== "live" || marked >= last.seq) return;
      marked = last.seq;
      house.marked(talk.channelId, { last_read_id: last.id, last_read_seq: last.seq, unread: 0 });
      // Marks are repeated with the next message, and a lost one only leaves a number too high.
      client.command("read:mark", { channel_id: talk.channelId, message_id: last.id }).catch(() => {
        marked = 0;
      });
    };
    const timer = setTimeout(look, GLANCE_MS);
    const later = setInterval(look, 2_000);
    for (const event of ["focus", "blur"]) window.addEventListener(event, look);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      clearInterval(later);
      for (const event of ["focus", "blur"]) window.removeEventListener(event, look);
      document.removeEventListener("visibilitychange", look);
      house.watched = null;
    };
  }, [talk, house, client, link, last, newer]);
}
