import Compass from "lucide-react/icons/compass";
import MessageSquarePlus from "lucide-react/icons/message-square-plus";
import Plus from "lucide-react/icons/plus";
import Settings from "lucide-react/icons/settings";
import Shield from "lucide-react/icons/shield";
import type { ReactNode } from "react";
import { Link, NavLink, useMatch, useSearchParams } from "react-router";
import type { Channel } from "../../../protocol/objects.ts";
import { channelTitle } from "../chat/channel-list-store.ts";
import { useChannels, useChat } from "../chat/chat-context.tsx";
import type { FirstSteps as Steps } from "../server/first-steps.ts";
import { Avatar } from "../ui/avatar.tsx";
import { useDismiss } from "../ui/dismiss.ts";
import { ConnectionBanner } from "./connection-banner.tsx";
import { FirstSteps } from "./first-steps.tsx";
import styles from "./shell.module.css";

/** The sidebar and the page beside it. On a phone only one is shown: the sidebar at `/channels`, the page everywhere else. */
export function Shell({ steps, children }: { steps: Steps | null; children: ReactNode }) {
  const [query] = useSearchParams();
  // The text about a channel that is gone is on the page.
  const atHome = useMatch("/channels") !== null && !query.has("left");
  useDismiss();
  return (
    <div className={styles.shell} data-at={atHome ? "sidebar" : "page"}>
      <a className="skip-link" href="#page">
        Skip to the conversation
      </a>
      <Sidebar steps={steps} />
      <main id="page" className={styles.page} tabIndex={-1}>
        <ConnectionBanner />
        {children}
      </main>
    </div>
  );
}

function Sidebar({ steps }: { steps: Steps | null }) {
  const { me } = useChat();
  const channels = useChannels();
  const direct = channels.filter(({ type }) => type === "direct");
  const shared = channels.filter(({ type }) => type !== "direct");
  const name = me.name ?? me.username;
  return (
    <div className={styles.sidebar}>
      <header className={styles.brand}>
        <img src="/favicon.svg" alt="" width="26" height="26" />
        <span>Usher</span>
      </header>
      <nav aria-label="Channels" className={styles.lists}>
        <Section title="Channels" action={{ to: "/channels/new", label: "Create a channel", icon: <Plus size={16} /> }}>
          {shared.map((channel) => (
            <ChannelLink key={channel.id} channel={channel} />
          ))}
          {shared.length === 0 && <li className={styles.none}>You have not joined a channel yet.</li>}
          <li>
            <NavLink to="/channels/browse" className={styles.quiet}>
              <Compass size={16} aria-hidden="true" />
              Browse channels
            </NavLink>
          </li>
        </Section>
        <Section
          title="Direct chats"
          action={{ to: "/direct", label: "New message", icon: <MessageSquarePlus size={16} /> }}
          isInList={direct.length === 0}
        >
          {direct.map((channel) => (
            <ChannelLink key={channel.id} channel={channel} />
          ))}
          {direct.length === 0 && (
            <li>
              <NavLink to="/direct" className={styles.quiet}>
                <MessageSquarePlus size={16} aria-hidden="true" />
                New message
              </NavLink>
            </li>
          )}
        </Section>
      </nav>
      {steps && <FirstSteps steps={steps} />}
      <footer className={styles.me}>
        <Avatar id={me.id} name={name} size={32} />
        <span className={styles.myName} dir="auto">
          {name}
        </span>
        {me.role !== "member" && (
          <NavLink to="/admin" className={styles.icon} aria-label="Administration" title="Administration">
            <Shield size={18} />
          </NavLink>
        )}
        <NavLink to="/settings" className={styles.icon} aria-label="Settings" title="Settings">
          <Settings size={18} />
        </NavLink>
      </footer>
    </div>
  );
}

interface SectionProps {
  title: string;
  action: { to: string; label: string; icon: ReactNode };
  /** Whether the list has a link to the same page: then that one, which has a text, is marked as the current page. */
  isInList?: boolean;
  children: ReactNode;
}

function Section({ title, action, isInList = false, children }: SectionProps) {
  const ActionLink = isInList ? Link : NavLink;
  return (
    <section>
      <div className={styles.sectionHead}>
        <h2>{title}</h2>
        <ActionLink to={action.to} className={styles.icon} aria-label={action.label} title={action.label}>
          {action.icon}
        </ActionLink>
      </div>
      <ul className={styles.list}>{children}</ul>
    </section>
  );
}

function ChannelLink({ channel }: { channel: Channel }) {
  const { id, unread, type, peer } = channel;
  const title = channelTitle(channel);
  return (
    <li>
      <NavLink
        to={`/channels/${id}`}
        className={styles.channel}
        data-unread={unread > 0 || undefined}
        prefetch="intent"
      >
        {type === "direct" ? (
          <Avatar id={peer?.id ?? id} name={title} size={20} />
        ) : (
          <span className={styles.sign} aria-hidden="true">
            {type === "private" ? <Lock /> : "#"}
          </span>
        )}
        <span className={styles.channelName} dir="auto">
          {title}
        </span>{" "}
        {unread > 0 && (
          <span className={styles.count}>
            {unread > 99 ? "99+" : unread}
            <span className="visually-hidden"> unread</span>
          </span>
        )}
      </NavLink>
    </li>
  );
}

function Lock() {
  return (
    <svg
      viewBox="0 0 16 16"
      width="13"
      height="13"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      aria-hidden="true"
    >
      <rect x="3" y="7" width="10" height="7" rx="1.5" />
      <path d="M5 7V5a3 3 0 0 1 6 0v2" />
    </svg>
  );
}
