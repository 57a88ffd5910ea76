import { useEffect } from "react";

/** The cookie with the channel that was open last in this browser. */
export const LAST_CHANNEL = "last_channel";

/** Remembers a channel as the one that `/` opens. In the browser: a loader also runs for links that are only pointed at. */
export function useLastChannel(channelId: string): void {
  useEffect(() => {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari.
    document.cookie = `${LAST_CHANNEL}=${channelId}; path=/; max-age=31536000; samesite=lax`;
  }, [channelId]);
}
