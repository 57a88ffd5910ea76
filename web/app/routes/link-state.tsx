import { useEffect, useState } from "react";
import { useHouse } from "../chat/house-context.tsx";
import styles from "./link-state.module.css";

/** A short break is not worth a word: most are over before anybody would have read it. */
const PATIENCE_MS = 2_000;

/** The banner above the page while the connection is away. */
export function LinkState() {
  const { client, link } = useHouse();
  const [away, setAway] = useState(false);
  const [network, setNetwork] = useState(true);
  const well = link === "live" || link === "idle";

  useEffect(() => {
    if (well) return setAway(false);
    const timer = setTimeout(() => setAway(true), navigator.onLine ? PATIENCE_MS : 0);
    return () => clearTimeout(timer);
  }, [well]);

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

  const shown = !network || away;
  return (
    <div role="status" className={styles.place} data-link={link}>
      {shown && (
        <div className={styles.banner}>
          <span className={styles.dot} aria-hidden="true" />
          <span>
            {network ? "Not connected. Trying again…" : "You are offline."} What you write is kept and sent later.
          </span>
          {network && link === "waiting" && (
            <button type="button" onClick={() => client?.connect()}>
              Try now
            </button>
          )}
        </div>
      )}
    </div>
  );
}
