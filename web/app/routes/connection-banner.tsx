import { useChat } from "../chat/chat-context.tsx";
import styles from "./connection-banner.module.css";

/** The banner above the page while the connection is away. */
export function ConnectionBanner() {
  const { client, connectionState, connectionStatus } = useChat();
  return (
    <div role="status" className={styles.place} data-connection={connectionState}>
      {connectionStatus !== "connected" && (
        <div className={styles.banner}>
          <span className={styles.dot} aria-hidden="true" />
          <span>
            {connectionStatus === "offline" ? "You are offline." : "Not connected. Trying again…"} What you write is
            kept and sent later.
          </span>
          {connectionStatus === "reconnecting" && connectionState === "waiting" && (
            <button type="button" onClick={() => client?.connect()}>
              Try now
            </button>
          )}
        </div>
      )}
    </div>
  );
}
