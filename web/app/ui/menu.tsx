import Ellipsis from "lucide-react/icons/ellipsis";
import type { ReactNode } from "react";
import styles from "./menu.module.css";

interface MenuProps {
  /** Its label, with the name of the object: "Manage bo". */
  label: string;
  /** Open from the start: one of its forms was refused. */
  open?: boolean;
  /** The actions; a destructive one is last. */
  children: ReactNode;
}

/** The further actions on an object, in a menu "⋯". Works without scripts; `useDismiss` closes it. */
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
