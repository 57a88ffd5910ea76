import { type ChannelContext, countOthersOnline } from "./channel-context.ts";
import { useChat } from "./chat-context.tsx";
import { useObservable } from "./observable.ts";
import styles from "./online.module.css";

/** How many members are online now, the reader among them. Nothing is shown when the reader is alone or not connected. */
export function Online({
  presence,
  me,
  direct,
}: {
  presence: ChannelContext["presence"];
  me: string;
  direct: boolean;
}) {
  const { connectionStatus } = useChat();
  const known = useObservable(presence);
  const others = countOthersOnline(connectionStatus === "connected" ? known : null, me);
  if (others === 0) return null;
  return (
    <span className={styles.online} data-online={others + 1}>
      <span className={styles.dot} aria-hidden="true" />
      {direct ? "Online" : `${others + 1} online`}
    </span>
  );
}
