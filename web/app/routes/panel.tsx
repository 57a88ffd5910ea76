import X from "lucide-react/icons/x";
import { type ReactNode, useRef } from "react";
import { Link, useNavigate } from "react-router";
import channelStyles from "./channel.module.css";
import styles from "./panel.module.css";
import { usePanel } from "./use-panel.ts";

/** A panel beside a conversation; on a narrow screen it covers the conversation. */
export function Panel({ title, count, children }: { title: string; count?: number; children: ReactNode }) {
  const box = useRef<HTMLElement>(null);
  const navigate = useNavigate();
  usePanel(box, () => void navigate("..", { relative: "path" }));
  return (
    <aside ref={box} className={channelStyles.panel} aria-label={title} tabIndex={-1}>
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
