import { useCallback, useEffect, useRef, useState } from "react";
import { bidiIsolate } from "../ui/bidi-isolate.ts";

/** Messages that arrive within this many ms are announced as one sentence. */
const GATHER_MS = 1_200;

/** Announces new messages of others to a screen reader: one in full, several as a count. */
export function useAnnouncer() {
  const [text, setText] = useState("");
  const gathered = useRef<string[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const announce = useCallback((name: string, content: string) => {
    gathered.current.push(`${bidiIsolate(name)}: ${content.slice(0, 300)}`);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const [first, ...more] = gathered.current;
      gathered.current = [];
      if (first !== undefined) setText(more.length === 0 ? first : `${more.length + 1} new messages`);
    }, GATHER_MS);
  }, []);

  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    announce,
    region: (
      <p className="visually-hidden" aria-live="polite">
        {text}
      </p>
    ),
  };
}
