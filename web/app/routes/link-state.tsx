import { useHouse } from "../chat/house-context.tsx";
import styles from "./link-state.module.css";

/** The banner above the page while the connection is away. */
export function LinkState() {
  const { client, link, reach } = useHouse();
  return (
    <div role="status" className={styles.place} data-link={link}>
      {reach !== "well" && (
        <div className={styles.banner}>
          <span className={styles.dot} aria-hidden="true" />
          <span>
            {reach === "offline" ? "You are offline." : "Not connected. Trying again…"} What you write is kept and sent
            later.
          </span>
          {reach === "away" && link === "waiting" && (
            <button type="button" onClick={() => client?.connect()}>
              Try now
            </button>
          )}
        </div>
      )}
    </div>
  );
}
