import Ellipsis from "lucide-react/icons/ellipsis";
import type { ReactNode } from "react";
import styles from "./menu.module.css";

interface MenuProps {
  /** What it is, with the name of the thing: "Manage bo". */
  label: string;
  /** Open from the start: one of its forms was refused. */
  open?: boolean;
  /** The acts; what destroys is the last one. */
  children: ReactNode;
}

/** What can be done with a thing besides the first act, behind "⋯". Works without scripts; `useDismissing` closes it. */
export function Menu({ label, open, children }: MenuProps) {
  return (
    <details name="menu" className={styles.menu} data-dismiss open={open || undefined}>
      <summary className={styles.button} aria-label={label} title={label}>
        <Ellipsis size={18} aria-hidden="true" />
      </summary>
      <div className={styles.list}>{children}</div>
    </details>
  );
}
