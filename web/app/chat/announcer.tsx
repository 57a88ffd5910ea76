import { useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "../../../protocol/objects.ts";

/** Messages that come within this many ms are spoken as one sentence. */
const GATHER_MS = 1_200;

/** Speaks new messages of others to a screen reader: one in full, several as a number. */
export function useAnnouncer() {
  const [text, setText] = useState("");
  const gathered = useRef<Message[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const announce = useCallback((message: Message) => {
    gathered.current.push(message);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const [first, ...more] = gathered.current;
      gathered.current = [];
      if (first)
        setText(
          more.length === 0 ? `${first.username}: ${first.content.slice(0, 300)}` : `${more.length + 1} new messages`,
        );
    }, GATHER_MS);
  }, []);

  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    announce,
    region: (
      <p className="only-spoken" aria-live="polite">
        {text}
      </p>
    ),
  };
}
