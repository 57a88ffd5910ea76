import ArrowDown from "lucide-react/icons/arrow-down";
import { type KeyboardEvent, type MouseEvent, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import type { Channel, Message } from "../../../protocol/objects.ts";
import { AroundCommit } from "./around-commit.tsx";
import type { ChannelView } from "./channel-view.ts";
import { useChat } from "./chat-context.tsx";
import { useClock } from "./clock.tsx";
import { getDisplayName } from "./display-names.ts";
import styles from "./message-list.module.css";
import { MessageRow } from "./message-row.tsx";
import { useObservable } from "./observable.ts";
import { OutgoingRow } from "./outgoing-row.tsx";
import { buildRows } from "./rows.ts";
import { formatDay } from "./time.ts";
import { useAnchoredScroll } from "./use-anchored-scroll.ts";
import { useMessageActions } from "./use-message-actions.ts";

interface MessageListProps {
  channelView: ChannelView;
  channel: Channel;
  /** First message that was unread when the channel was opened. */
  firstUnread: string | null;
  /** Message to scroll to first. */
  target: string | null;
  onReply: (message: Message) => void;
  /** An error, as a sentence. */
  onError: (text: string) => void;
}

/** The messages of a channel, scrollable both ways without a jump, and the outgoing ones. */
export function MessageList({ channelView, channel, firstUnread, target, onReply, onError }: MessageListProps) {
  const { me, client } = useChat();
  const { timeZone, now } = useClock();
  const shown = useObservable(channelView.window);
  const outgoing = useObservable(channelView.outgoing);
  const quoted = useObservable(channelView.quoted);
  const names = useObservable(channelView.displayNames.names);
  const [active, setActive] = useState<string | null>(null);
  /** The message that had the focus last. */
  const [current, setCurrent] = useState<string | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const { openForm, highlighted, runAction, save, reportFailure } = useMessageActions({
    channelView,
    list,
    target,
    onReply,
    onError,
  });

  const scroll = useAnchoredScroll({
    pages: shown,
    hasNewer: shown.hasNewer,
    first: target ?? firstUnread,
    firstAt: target === null ? "nearest" : "center",
    isLive: client !== null,
    loadOlder: () => void reportFailure(channelView.loadOlder()),
    loadNewer: () => void reportFailure(channelView.loadNewer()),
    loadLatest: () => reportFailure(channelView.showLatest()),
    onVisibleRange: (range) => channelView.visibleRange.set(range),
  });

  // A user who sends a message wants to see it, wherever they were reading.
  const { toEnd } = scroll;
  const waiting = useRef(0);
  useLayoutEffect(() => {
    if (outgoing.length > waiting.current) toEnd();
    waiting.current = outgoing.length;
  }, [outgoing, toEnd]);

  const rows = useMemo(() => buildRows(shown.messages, firstUnread, timeZone), [shown.messages, firstUnread, timeZone]);
  const byId = useMemo(() => new Map(shown.messages.map((message) => [message.id, message])), [shown.messages]);
  const findParent = (id: string | null) => {
    const parent = id === null ? undefined : (byId.get(id) ?? quoted.get(id));
    return { parent, parentAuthor: parent ? getDisplayName(names, parent) : null };
  };

  function onKeyDown(event: KeyboardEvent<HTMLElement>) {
    if (!(event.target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    // Forms and questions inside a row handle their own keys.
    if (event.target.closest("form, fieldset[data-question], input, textarea, select")) return;
    const row = event.target.closest<HTMLElement>("[data-message]");
    if (row === null && event.target !== event.currentTarget) return;
    const message = row ? byId.get(row.dataset.message ?? "") : undefined;
    const key = event.key.toLowerCase();
    if (key === "arrowup" || key === "arrowdown") moveFocus(list.current, row, key === "arrowup" ? -1 : 1);
    else if (key === "end") scroll.toEnd();
    else if (message && message.deleted_at === null && key === "r" && canWrite) runAction("reply", message);
    else if (message && message.deleted_at === null && key === "e" && message.user_id === me.id)
      runAction("edit", message);
    else if (message && message.deleted_at === null && key === "delete" && canDelete(message))
      runAction("delete", message);
    else return;
    event.preventDefault();
  }

  /** The links to further pages work without scripts. */
  const withoutNavigation = (read: () => Promise<void>) => (event: MouseEvent) => {
    event.preventDefault();
    if (client) void reportFailure(read());
  };

  // Tab goes to one message only, and the arrow keys move from there: Tab does not pass all of them before the composer.
  const tabStop = current !== null && byId.has(current) ? current : (shown.messages.at(-1)?.id ?? null);
  const canWrite = channel.role !== null;
  const canDelete = (message: Message) =>
    message.user_id === me.id || channel.role === "owner" || channel.role === "admin";

  return (
    <div className={styles.frame}>
      <section
        ref={scroll.box}
        className={styles.scroller}
        aria-label="Messages"
        tabIndex={tabStop === null ? 0 : -1}
        onKeyDown={onKeyDown}
      >
        <AroundCommit before={scroll.before} after={scroll.after} />
        <div ref={scroll.inner} className={styles.inner}>
          <div ref={scroll.top} className={styles.edge}>
            {shown.hasOlder && (
              <Link
                to={`?before=${shown.messages[0]?.id}`}
                className={styles.pager}
                onClick={withoutNavigation(() => channelView.loadOlder())}
              >
                Older messages
              </Link>
            )}
          </div>
          {!shown.hasOlder && (
            <StartOfConversation channel={channel} empty={shown.messages.length + outgoing.length === 0} />
          )}
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: with a keyboard, the focus shows the buttons. */}
          <ol
            ref={list}
            className={styles.list}
            // A touch pointer leaves when it is lifted, before its click: only a mouse shows and hides buttons by hovering.
            onPointerOver={(event) => event.pointerType === "mouse" && setActive(findMessageId(event.target))}
            onPointerLeave={(event) => event.pointerType === "mouse" && setActive(null)}
            onClick={(event) => setActive(findMessageId(event.target))}
            onFocus={(event) => {
              // The focus of a tap comes between pointerdown and click: nothing may move then.
              if (event.target.matches(":focus-visible")) setActive(findMessageId(event.target));
              setCurrent(findMessageId(event.target));
            }}
            onBlur={({ currentTarget, relatedTarget }) => {
              if (!(relatedTarget instanceof Node) || !currentTarget.contains(relatedTarget)) setActive(null);
            }}
          >
            {rows.map((row) =>
              row.kind === "day" ? (
                <li key={row.key} className={styles.day}>
                  <span>{formatDay(row.at, now, timeZone)}</span>
                </li>
              ) : row.kind === "new" ? (
                <li key={row.key} className={styles.new} id="new">
                  <span>New messages</span>
                </li>
              ) : (
                <MessageRow
                  key={row.key}
                  message={row.message}
                  author={getDisplayName(names, row.message)}
                  startsGroup={row.head}
                  {...findParent(row.message.reply_to_id)}
                  isMine={row.message.user_id === me.id}
                  canDelete={canDelete(row.message)}
                  canWrite={canWrite}
                  isActive={active === row.message.id}
                  isTabStop={tabStop === row.message.id}
                  mode={openForm?.id === row.message.id ? openForm.mode : "text"}
                  isHighlighted={highlighted === row.message.id}
                  onAction={runAction}
                  onSave={save}
                />
              ),
            )}
            {!shown.hasNewer &&
              outgoing.map((item) => <OutgoingRow key={item.client_id} item={item} me={me} client={client} />)}
          </ol>
          <div ref={scroll.bottom} className={styles.edge}>
            {shown.hasNewer && (
              <Link
                to={`?after=${shown.messages.at(-1)?.id}`}
                className={styles.pager}
                onClick={withoutNavigation(() => channelView.loadNewer())}
              >
                Newer messages
              </Link>
            )}
          </div>
        </div>
      </section>
      {(!scroll.atEnd || shown.hasNewer) && (
        <button type="button" className={styles.latest} onClick={scroll.toEnd}>
          <ArrowDown size={15} aria-hidden="true" />
          {channel.unread > 0 ? `${channel.unread > 99 ? "99+" : channel.unread} new` : "Latest"}
        </button>
      )}
    </div>
  );
}

function StartOfConversation({ channel, empty }: { channel: Channel; empty: boolean }) {
  if (!empty) return <p className={styles.beginning}>This is the beginning of the conversation.</p>;
  const direct = channel.type === "direct";
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{direct ? "Say hello" : "No messages yet"}</p>
      <p>
        {direct
          ? "Only the two of you can read this."
          : "Write the first message below, or add people who should read it."}
      </p>
      {!direct && <Link to={`/channels/${channel.id}/members`}>Add people</Link>}
    </div>
  );
}

function findMessageId(target: EventTarget): string | null {
  return target instanceof Element ? (target.closest<HTMLElement>("[data-message]")?.dataset.message ?? null) : null;
}

function moveFocus(list: HTMLElement | null, from: HTMLElement | null, step: 1 | -1): void {
  const rows = [...(list?.querySelectorAll<HTMLElement>("[data-message]") ?? [])];
  const next = from === null ? rows.at(-1) : rows[rows.indexOf(from) + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}
