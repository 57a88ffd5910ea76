import { useChat } from "../chat/chat-context.tsx";
import styles from "./connection-banner.module.css";

/** The banner above the page while there is no connection. */
export function ConnectionBanner() {
  const { client, connectionState, connectionStatus } = useChat();
  return (
    <div role="status" className={styles.slot} data-connection={connectionState}>
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
