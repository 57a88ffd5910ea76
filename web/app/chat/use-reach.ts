import { useEffect, useState } from "react";
import type { ConnectionState } from "../../../sdk/connection.ts";

/** ms for which a lost connection is not shown: most are back before the words would be read. */
const PATIENCE_MS = 2_000;

/** How the connection is: `away` for longer than a blink, `offline` where the browser knows that it has no network. */
export type Reach = "well" | "away" | "offline";

export function useReach(link: ConnectionState): Reach {
  const [isAway, setAway] = useState(false);
  const [hasNetwork, setNetwork] = useState(true);
  const isWell = link === "live" || link === "idle";

  useEffect(() => {
    if (isWell) return setAway(false);
    const timer = setTimeout(() => setAway(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isWell]);

  useEffect(() => {
    const look = () => setNetwork(navigator.onLine);
    look();
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);

  if (!hasNetwork) return "offline";
  return isAway ? "away" : "well";
}
