import type { Me } from "../../../protocol/objects.ts";
import type { Client } from "../../../sdk/client.ts";
import type { Outgoing } from "../../../sdk/outbox.ts";
import { Avatar } from "../ui/avatar.tsx";
import rowStyles from "./message-row.module.css";
import { MessageText } from "./message-text.tsx";
import styles from "./outgoing-row.module.css";

/** An own message that the server does not have yet, or that it refused: unchanged, it would be refused again. */
export function OutgoingRow({ item, me, client }: { item: Outgoing; me: Me; client: Client | null }) {
  const name = me.name ?? me.username;
  const failed = item.state === "failed";

  /** Puts its text back into the composer, as a new message. */
  function edit() {
    window.dispatchEvent(new CustomEvent("usher:rewrite", { detail: item.content }));
    client?.outbox.discard(item.client_id);
  }

  return (
    <li className={rowStyles.row} data-group-start="">
      <div className={rowStyles.side}>
        <Avatar id={me.id} name={name} />
      </div>
      <div className={rowStyles.main}>
        <p className={rowStyles.byline}>
          <span className={rowStyles.author} dir="auto">
            {name}
          </span>
          {!failed && <span className={styles.state}>{item.state === "queued" ? "waiting" : "sending"}</span>}
        </p>
        <div className={`${rowStyles.text} ${styles.pending}`} dir="auto">
          <MessageText text={item.content} />
        </div>
        {failed && (
          <div className={rowStyles.choices} role="alert">
            <span className={styles.failed}>Not sent. {item.error?.message}</span>
            <button type="button" onClick={edit}>
              Edit
            </button>
            <button type="button" onClick={() => client?.outbox.discard(item.client_id)}>
              Discard
            </button>
          </div>
        )}
      </div>
    </li>
  );
}
