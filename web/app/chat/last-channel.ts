import { useEffect } from "react";

/** The cookie with the last open channel of this browser. */
export const LAST_CHANNEL = "last_channel";

/** Stores a channel as the one that `/` opens. In the browser: a loader also runs for links that are only hovered over. */
export function useLastChannel(channelId: string): void {
  useEffect(() => {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari.
    document.cookie = `${LAST_CHANNEL}=${channelId}; path=/; max-age=31536000; samesite=lax`;
  }, [channelId]);
}
