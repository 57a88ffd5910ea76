import CornerUpLeft from "lucide-react/icons/corner-up-left";
import Pencil from "lucide-react/icons/pencil";
import Trash2 from "lucide-react/icons/trash-2";
import { memo } from "react";
import { Link } from "react-router";
import type { Message } from "../../../protocol/objects.ts";
import { Face } from "../look/face.tsx";
import { useClock } from "./clock.tsx";
import { EditForm } from "./edit-form.tsx";
import { useHouse } from "./house-context.tsx";
import styles from "./message-row.module.css";
import { Prose } from "./prose.tsx";
import { clockTime, dateTime } from "./time.ts";

export type RowAct = "reply" | "edit" | "delete" | "confirm-delete" | "cancel" | "jump";

interface MessageRowProps {
  message: Message;
  /** How the writer is called. */
  author: string;
  head: boolean;
  /** The message that this one answers; null: it is gone. Undefined: it answers none, or is not loaded yet. */
  parent: Message | null | undefined;
  parentAuthor: string | null;
  mine: boolean;
  mayDelete: boolean;
  mayWrite: boolean;
  /** Shows the buttons. */
  active: boolean;
  /** Tab stops here. */
  tabStop: boolean;
  /** What stands in the row in place of the text. */
  mode: "text" | "edit" | "delete";
  lit: boolean;
  onAct: (act: RowAct, message: Message) => void;
  /** Answers whether it is saved. */
  onSave: (message: Message, content: string) => Promise<boolean>;
}

/** One message. The name, the face and the full time stand at the head of a block only. */
export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, author, head, active, tabStop, mode, lit } = props;
  const { client } = useHouse();
  const { timeZone } = useClock();
  const time = clockTime(message.created_at, timeZone);
  const hasTools = active && mode === "text" && message.deleted_at === null;
  return (
    <li
      id={`m-${message.id}`}
      data-message={message.id}
      data-head={head || undefined}
      data-lit={lit || undefined}
      data-active={active || undefined}
      data-tools={hasTools || undefined}
      className={styles.row}
      tabIndex={tabStop ? 0 : -1}
    >
      <div className={styles.side}>
        {head ? (
          <Face id={message.user_id} name={author} />
        ) : (
          <time
            dateTime={message.created_at}
            title={dateTime(message.created_at, timeZone)}
            className={styles.sideTime}
            aria-hidden="true"
          >
            {time}
          </time>
        )}
      </div>
      <div className={styles.main}>
        <p className={head ? styles.byline : "only-spoken"}>
          <span className={styles.author} dir="auto">
            {author}
          </span>{" "}
          <time dateTime={message.created_at} title={dateTime(message.created_at, timeZone)}>
            {time}
          </time>
        </p>
        {message.reply_to_id !== null && <Quote {...props} id={message.reply_to_id} />}
        {mode === "edit" ? (
          <EditForm {...props} />
        ) : message.deleted_at !== null ? (
          <p className={styles.gone}>This message was deleted.</p>
        ) : (
          <div className={styles.text} dir="auto">
            <span data-text>
              <Prose text={message.content} tabIndex={client && !active ? -1 : undefined} />
            </span>
            {message.edited_at !== null && (
              <span className={styles.edited} title={`Edited ${dateTime(message.edited_at, timeZone)}`}>
                {" "}
                (edited)
              </span>
            )}
          </div>
        )}
        {mode === "delete" && <DeleteForm {...props} />}
      </div>
      {hasTools && <Tools {...props} />}
    </li>
  );
});

function Quote({ id, parent, parentAuthor, message, active, onAct }: MessageRowProps & { id: string }) {
  const { client } = useHouse();
  const text =
    parent === undefined
      ? "An earlier message"
      : parent === null || parent.deleted_at !== null
        ? "A deleted message"
        : null;
  return (
    <Link
      to={`?at=${id}#m-${id}`}
      className={styles.quote}
      // Tab reaches what is inside a message from that message alone.
      tabIndex={client && !active ? -1 : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        onAct("jump", message);
      }}
    >
      <span className="only-spoken">In reply to </span>
      {text === null && parent ? (
        <>
          <span className={styles.quoteAuthor} dir="auto">
            {parentAuthor}
          </span>
          <span className={styles.quoteText} dir="auto">
            {parent.content}
          </span>
        </>
      ) : (
        <span className={styles.quoteText}>{text}</span>
      )}
    </Link>
  );
}

function Tools({ message, mine, mayDelete, mayWrite, onAct }: MessageRowProps) {
  return (
    <fieldset className={styles.tools} aria-label="Message actions">
      {mayWrite && (
        <button type="button" aria-label="Reply" title="Reply (R)" onClick={() => onAct("reply", message)}>
          <CornerUpLeft size={16} />
        </button>
      )}
      {mine && mayWrite && (
        <button type="button" aria-label="Edit" title="Edit (E)" onClick={() => onAct("edit", message)}>
          <Pencil size={15} />
        </button>
      )}
      {mayDelete && (
        <button type="button" aria-label="Delete" title="Delete (Del)" onClick={() => onAct("delete", message)}>
          <Trash2 size={15} />
        </button>
      )}
    </fieldset>
  );
}

function DeleteForm({ message, onAct }: MessageRowProps) {
  return (
    <fieldset
      data-question
      className={styles.choices}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        onAct("cancel", message);
      }}
    >
      <legend>Delete this message for everybody?</legend>
      {/* biome-ignore lint/a11y/noAutofocus: the question follows a keystroke or a press and is answered by the next one. */}
      <button type="button" autoFocus onClick={() => onAct("confirm-delete", message)}>
        Delete
      </button>
      <button type="button" onClick={() => onAct("cancel", message)}>
        Keep it
      </button>
    </fieldset>
  );
}
