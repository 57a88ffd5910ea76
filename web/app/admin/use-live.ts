import { useEffect, useRef, useState } from "react";
import { createRest, type Rest } from "../../../sdk/rest.ts";

const EVERY_MS = 2_000;

/**
 * Begins with what the server rendered and reads it again every two seconds while the page is in sight. `late`: the last reading
 * failed, so what stands there is older.
 */
export function useLive<T>(first: T, read: (rest: Rest) => Promise<T>, on = true): { value: T; late: boolean } {
  const [state, setState] = useState({ first, value: first, late: false });
  const latest = useRef(read);
  latest.current = read;
  // A form that was sent brings newer data by the loader.
  if (state.first !== first) setState({ first, value: first, late: false });
  useEffect(() => {
    if (!on) return;
    const rest = createRest({ url: "", timeout: 10_000 });
    let timer: ReturnType<typeof setTimeout>;
    let ended = false;
    const round = async () => {
      if (!document.hidden) {
        try {
          const value = await latest.current(rest);
          if (!ended) setState({ first, value, late: false });
        } catch {
          if (!ended) setState((state) => ({ ...state, late: true }));
        }
      }
      if (!ended) timer = setTimeout(round, EVERY_MS);
    };
    timer = setTimeout(round, EVERY_MS);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [first, on]);
  return state.first === first ? state : { value: first, late: false };
}
