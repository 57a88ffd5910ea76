import ArrowLeft from "lucide-react/icons/arrow-left";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useChannels } from "../chat/chat-context.tsx";
import { bidiIsolate } from "./bidi-isolate.ts";
import styles from "./page-layout.module.css";

/** The browser tab's title, with the number of unread messages in front. */
export function DocumentTitle({ children }: { children: string }) {
  const unread = useChannels().reduce((sum, channel) => sum + channel.unread, 0);
  const count = unread === 0 ? "" : unread > 99 ? "(99+) " : `(${unread}) `;
  return <title>{`${count}${bidiIsolate(children)} · Usher`}</title>;
}

/** The bar at the top of every signed-in page. On a phone it leads back to the list. */
export function PageHeader({
  title,
  subtitle,
  children,
}: {
  title: ReactNode;
  subtitle?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <header className={styles.bar}>
      <Link to="/channels" className={styles.back} aria-label="Back to the channels">
        <ArrowLeft size={20} />
      </Link>
      <div className={styles.names}>
        <h1 dir="auto">{title}</h1>
        {subtitle && <p dir="auto">{subtitle}</p>}
      </div>
      {children}
    </header>
  );
}

/** A page of forms and lists, in a width that is easy to read. */
export function PageBody({ children }: { children: ReactNode }) {
  return (
    <div className={styles.scroll}>
      <div className={styles.body}>{children}</div>
    </div>
  );
}

/** A part of a page under a heading of its own. */
export function PageSection({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.part}>
      <h2>{title}</h2>
      {lead && <p className={styles.lead}>{lead}</p>}
      {children}
    </section>
  );
}

/** Shown instead of an empty list: what is missing, and what to do about it. */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{title}</p>
      {children && <div>{children}</div>}
    </div>
  );
}
