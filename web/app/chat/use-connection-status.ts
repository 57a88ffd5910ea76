import { useEffect, useState } from "react";
import type { ConnectionState } from "../../../sdk/connection.ts";

/** ms for which a lost connection is not shown: most are back before the text could be read. */
const SHOW_AFTER_MS = 2_000;

/** The connection as shown: `reconnecting` when it is lost for longer, `offline` where the browser has no network. */
export type ConnectionStatus = "connected" | "reconnecting" | "offline";

export function useConnectionStatus(state: ConnectionState): ConnectionStatus {
  const [isReconnecting, setReconnecting] = useState(false);
  const [hasNetwork, setNetwork] = useState(true);
  const isConnected = state === "live" || state === "idle";

  useEffect(() => {
    if (isConnected) return setReconnecting(false);
    const timer = setTimeout(() => setReconnecting(true), SHOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isConnected]);

  useEffect(() => {
    const update = () => setNetwork(navigator.onLine);
    update();
    window.addEventListener("online", update);
    window.addEventListener("offline", update);
    return () => {
      window.removeEventListener("online", update);
      window.removeEventListener("offline", update);
    };
  }, []);

  if (!hasNetwork) return "offline";
  return isReconnecting ? "reconnecting" : "connected";
}
