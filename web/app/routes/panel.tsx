import X from "lucide-react/icons/x";
import type { ReactNode } from "react";
import { Link } from "react-router";
import channelStyles from "./channel.module.css";
import styles from "./panel.module.css";

/** What opens beside a conversation; on a narrow screen in its place. */
export function Panel({ title, count, children }: { title: string; count?: number; children: ReactNode }) {
  return (
    <aside className={channelStyles.panel} aria-label={title}>
      <header className={styles.head}>
        <h2>
          {title}
          {count !== undefined && <span>{count}</span>}
        </h2>
        <Link to=".." relative="path" aria-label={`Close ${title.toLowerCase()}`} className={styles.close}>
          <X size={18} />
        </Link>
      </header>
      <div className={styles.body}>{children}</div>
    </aside>
  );
}
