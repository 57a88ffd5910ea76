import ArrowDown from "lucide-react/icons/arrow-down";
import { type KeyboardEvent, type MouseEvent, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import type { Channel, Message } from "../../../protocol/objects.ts";
import { AroundCommit } from "./around-commit.tsx";
import { useClock } from "./clock.tsx";
import { useHouse } from "./house-context.tsx";
import styles from "./message-list.module.css";
import { MessageRow } from "./message-row.tsx";
import { OutgoingRow } from "./outgoing-row.tsx";
import { nameOf } from "./people.ts";
import { rowsOf } from "./rows.ts";
import type { Talk } from "./talk.ts";
import { dayName } from "./time.ts";
import { useAnchoredScroll } from "./use-anchored-scroll.ts";
import { useMessageActs } from "./use-message-acts.ts";
import { useValue } from "./value.ts";

interface MessageListProps {
  talk: Talk;
  channel: Channel;
  /** First message that was unread when the channel was opened. */
  firstNew: string | null;
  /** Message to bring into sight first. */
  target: string | null;
  onReply: (message: Message) => void;
  /** A failure of what was asked for, in a sentence. */
  onTrouble: (text: string) => void;
}

/** The messages of a channel, scrollable both ways without a jump, and those that are on their way. */
export function MessageList({ talk, channel, firstNew, target, onReply, onTrouble }: MessageListProps) {
  const { me, client } = useHouse();
  const { timeZone, now } = useClock();
  const here = useValue(talk.window);
  const outgoing = useValue(talk.outgoing);
  const quoted = useValue(talk.quoted);
  const names = useValue(talk.people.names);
  const [active, setActive] = useState<string | null>(null);
  /** The message that the keyboard was at last. */
  const [current, setCurrent] = useState<string | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const { changing, lit, act, save, guarded } = useMessageActs({ talk, list, target, onReply, onTrouble });

  const scroll = useAnchoredScroll({
    pages: here,
    newerMissing: here.newer,
    first: target ?? firstNew,
    firstAt: target === null ? "nearest" : "center",
    live: client !== null,
    older: () => void guarded(talk.loadOlder()),
    newer: () => void guarded(talk.loadNewer()),
    latest: () => guarded(talk.showLatest()),
    onSight: (sight) => talk.sight.set(sight),
  });

  // Whoever writes wants to see what he wrote, wherever he was reading.
  const { toEnd } = scroll;
  const waiting = useRef(0);
  useLayoutEffect(() => {
    if (outgoing.length > waiting.current) toEnd();
    waiting.current = outgoing.length;
  }, [outgoing, toEnd]);

  const rows = useMemo(() => rowsOf(here.messages, firstNew, timeZone), [here.messages, firstNew, timeZone]);
  const byId = useMemo(() => new Map(here.messages.map((message) => [message.id, message])), [here.messages]);
  const parentOf = (id: string | null) => {
    const parent = id === null ? undefined : (byId.get(id) ?? quoted.get(id));
    return { parent, parentAuthor: parent ? nameOf(names, parent) : null };
  };

  function onKeyDown(event: KeyboardEvent<HTMLElement>) {
    if (!(event.target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    // What is written or asked inside a row has keys of its own.
    if (event.target.closest("form, fieldset[data-question], input, textarea, select")) return;
    const row = event.target.closest<HTMLElement>("[data-message]");
    if (row === null && event.target !== event.currentTarget) return;
    const message = row ? byId.get(row.dataset.message ?? "") : undefined;
    const key = event.key.toLowerCase();
    if (key === "arrowup" || key === "arrowdown") moveFocus(list.current, row, key === "arrowup" ? -1 : 1);
    else if (key === "end") scroll.toEnd();
    else if (message && message.deleted_at === null && key === "r" && mayWrite) act("reply", message);
    else if (message && message.deleted_at === null && key === "e" && message.user_id === me.id) act("edit", message);
    else if (message && message.deleted_at === null && key === "delete" && mayDelete(message)) act("delete", message);
    else return;
    event.preventDefault();
  }

  /** The links to further pages are for pages without scripts. */
  const instead = (read: () => Promise<void>) => (event: MouseEvent) => {
    event.preventDefault();
    if (client) void guarded(read());
  };

  // Tab goes to one message, and the arrow keys from there: not through fifty of them on the way to the composer.
  const tabStop = current !== null && byId.has(current) ? current : (here.messages.at(-1)?.id ?? null);
  const mayWrite = channel.role !== null;
  const mayDelete = (message: Message) =>
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
            {here.older && (
              <Link
                to={`?before=${here.messages[0]?.id}`}
                className={styles.pager}
                onClick={instead(() => talk.loadOlder())}
              >
                Older messages
              </Link>
            )}
          </div>
          {!here.older && <Beginning channel={channel} empty={here.messages.length + outgoing.length === 0} />}
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: with a keyboard, the focus shows the buttons. */}
          <ol
            ref={list}
            className={styles.list}
            // A finger leaves when it is lifted, before its click: only a mouse shows and hides buttons by where it is.
            onPointerOver={(event) => event.pointerType === "mouse" && setActive(messageAt(event.target))}
            onPointerLeave={(event) => event.pointerType === "mouse" && setActive(null)}
            onClick={(event) => setActive(messageAt(event.target))}
            onFocus={(event) => {
              // The focus that a tap sets comes between its press and its click: nothing may move then.
              if (event.target.matches(":focus-visible")) setActive(messageAt(event.target));
              setCurrent(messageAt(event.target));
            }}
            onBlur={({ currentTarget, relatedTarget }) => {
              if (!(relatedTarget instanceof Node) || !currentTarget.contains(relatedTarget)) setActive(null);
            }}
          >
            {rows.map((row) =>
              row.kind === "day" ? (
                <li key={row.key} className={styles.day}>
                  <span>{dayName(row.at, now, timeZone)}</span>
                </li>
              ) : row.kind === "new" ? (
                <li key={row.key} className={styles.new} id="new">
                  <span>New messages</span>
                </li>
              ) : (
                <MessageRow
                  key={row.key}
                  message={row.message}
                  author={nameOf(names, row.message)}
                  head={row.head}
                  {...parentOf(row.message.reply_to_id)}
                  mine={row.message.user_id === me.id}
                  mayDelete={mayDelete(row.message)}
                  mayWrite={mayWrite}
                  active={active === row.message.id}
                  tabStop={tabStop === row.message.id}
                  mode={changing?.id === row.message.id ? changing.mode : "text"}
                  lit={lit === row.message.id}
                  onAct={act}
                  onSave={save}
                />
              ),
            )}
            {!here.newer &&
              outgoing.map((item) => <OutgoingRow key={item.client_id} item={item} me={me} client={client} />)}
          </ol>
          <div ref={scroll.bottom} className={styles.edge}>
            {here.newer && (
              <Link
                to={`?after=${here.messages.at(-1)?.id}`}
                className={styles.pager}
                onClick={instead(() => talk.loadNewer())}
              >
                Newer messages
              </Link>
            )}
          </div>
        </div>
      </section>
      {(!scroll.atEnd || here.newer) && (
        <button type="button" className={styles.latest} onClick={scroll.toEnd}>
          <ArrowDown size={15} aria-hidden="true" />
          {channel.unread > 0 ? `${channel.unread > 99 ? "99+" : channel.unread} new` : "Latest"}
        </button>
      )}
    </div>
  );
}

function Beginning({ channel, empty }: { channel: Channel; empty: boolean }) {
  if (!empty) return <p className={styles.beginning}>This is the beginning of the conversation.</p>;
  const direct = channel.type === "direct";
  return (
    <div className={styles.nothing}>
      <p className={styles.nothingTitle}>{direct ? "Say hello" : "No messages yet"}</p>
      <p>
        {direct
          ? "Only the two of you can read this."
          : "Write the first message below, or add people who should read it."}
      </p>
      {!direct && <Link to={`/channels/${channel.id}/members`}>Add people</Link>}
    </div>
  );
}

function messageAt(target: EventTarget): string | null {
  return target instanceof Element ? (target.closest<HTMLElement>("[data-message]")?.dataset.message ?? null) : null;
}

function moveFocus(list: HTMLElement | null, from: HTMLElement | null, step: 1 | -1): void {
  const rows = [...(list?.querySelectorAll<HTMLElement>("[data-message]") ?? [])];
  const next = from === null ? rows.at(-1) : rows[rows.indexOf(from) + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}
