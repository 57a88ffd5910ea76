import { useEffect, useRef, useState } from "react";
import { createRest, type Rest } from "../../../sdk/rest.ts";

const INTERVAL_MS = 2_000;

/**
 * Begins with what the server rendered and reads it again every two seconds while the page is visible. `isStale`: the last read
 * failed, so the value is older.
 */
export function usePolling<T>(first: T, read: (rest: Rest) => Promise<T>, on = true): { value: T; isStale: boolean } {
  const [state, setState] = useState({ first, value: first, isStale: false });
  const latest = useRef(read);
  latest.current = read;
  // After a form was sent the loader has newer data.
  if (state.first !== first) setState({ first, value: first, isStale: false });
  useEffect(() => {
    if (!on) return;
    const rest = createRest({ url: "", timeout: 10_000 });
    let timer: ReturnType<typeof setTimeout>;
    let ended = false;
    const poll = async () => {
      if (!document.hidden) {
        try {
          const value = await latest.current(rest);
          if (!ended) setState({ first, value, isStale: false });
        } catch {
          if (!ended) setState((state) => ({ ...state, isStale: true }));
        }
      }
      if (!ended) timer = setTimeout(poll, INTERVAL_MS);
    };
    timer = setTimeout(poll, INTERVAL_MS);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [first, on]);
  return state.first === first ? state : { value: first, isStale: false };
}
