import { type RefObject, useEffect, useRef } from "react";
import { useChat } from "../chat/chat-context.tsx";

/** Focuses a panel when it opens. Escape closes it, and the focus goes back to the element that opened it. */
export function usePanel(box: RefObject<HTMLElement | null>, close: () => void): void {
  const { client } = useChat();
  const latest = useRef(close);
  latest.current = close;

  // biome-ignore lint/correctness/useExhaustiveDependencies: once; without a client the page was loaded with its panel open.
  useEffect(() => {
    const opener = client ? document.activeElement : null;
    const link = document.querySelector<HTMLElement>(`main a[href="${location.pathname}"]`);
    if (client) box.current?.focus({ preventScroll: true });
    return () => {
      // Only if the focus was in the panel.
      if (document.activeElement !== document.body && document.activeElement !== null) return;
      const isThere = opener instanceof HTMLElement && opener !== document.body && opener.isConnected;
      (isThere ? opener : link)?.focus({ preventScroll: true });
    };
  }, []);

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing && event.keyCode !== 229)
        latest.current();
    };
    // On the window: elements in the panel or beside it handle the key first.
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}
