import CornerUpLeft from "lucide-react/icons/corner-up-left";
import Pencil from "lucide-react/icons/pencil";
import Trash2 from "lucide-react/icons/trash-2";
import { memo } from "react";
import { Link } from "react-router";
import type { Message } from "../../../protocol/objects.ts";
import { Avatar } from "../ui/avatar.tsx";
import { useChat } from "./chat-context.tsx";
import { useClock } from "./clock.tsx";
import { EditForm } from "./edit-form.tsx";
import styles from "./message-row.module.css";
import { MessageText } from "./message-text.tsx";
import { formatDateTime, formatTime } from "./time.ts";

export type RowAction = "reply" | "edit" | "delete" | "confirm-delete" | "cancel" | "jump";

interface MessageRowProps {
  message: Message;
  /** The display name of the author. */
  author: string;
  startsGroup: boolean;
  /** The message that this one replies to; null: it was deleted. Undefined: it replies to none, or is not loaded yet. */
  parent: Message | null | undefined;
  parentAuthor: string | null;
  isMine: boolean;
  canDelete: boolean;
  canWrite: boolean;
  /** Shows the buttons. */
  isActive: boolean;
  /** Whether Tab stops here. */
  isTabStop: boolean;
  /** What the row shows instead of the text. */
  mode: "text" | "edit" | "delete";
  isHighlighted: boolean;
  onAction: (action: RowAction, message: Message) => void;
  /** Returns whether it is saved. */
  onSave: (message: Message, content: string) => Promise<boolean>;
}

/** One message. Only the first of a group shows the name, the avatar and the full time. */
export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, author, startsGroup, isActive, isTabStop, mode, isHighlighted } = props;
  const { client } = useChat();
  const { timeZone } = useClock();
  const time = formatTime(message.created_at, timeZone);
  const hasTools = isActive && mode === "text" && message.deleted_at === null;
  return (
    <li
      id={`m-${message.id}`}
      data-message={message.id}
      data-group-start={startsGroup || undefined}
      data-highlighted={isHighlighted || undefined}
      data-active={isActive || undefined}
      data-tools={hasTools || undefined}
      className={styles.row}
      tabIndex={isTabStop ? 0 : -1}
    >
      <div className={styles.side}>
        {startsGroup ? (
          <Avatar id={message.user_id} name={author} />
        ) : (
          <time
            dateTime={message.created_at}
            title={formatDateTime(message.created_at, timeZone)}
            className={styles.sideTime}
            aria-hidden="true"
          >
            {time}
          </time>
        )}
      </div>
      <div className={styles.main}>
        <p className={startsGroup ? styles.byline : "visually-hidden"}>
          <span className={styles.author} dir="auto">
            {author}
          </span>{" "}
          <time dateTime={message.created_at} title={formatDateTime(message.created_at, timeZone)}>
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
              <MessageText text={message.content} tabIndex={client && !isActive ? -1 : undefined} />
            </span>
            {message.edited_at !== null && (
              <span className={styles.edited} title={`Edited ${formatDateTime(message.edited_at, timeZone)}`}>
                {" "}
                (edited)
              </span>
            )}
          </div>
        )}
        {mode === "delete" && <DeleteForm {...props} />}
      </div>
      {hasTools && <MessageToolbar {...props} />}
    </li>
  );
});

function Quote({ id, parent, parentAuthor, message, isActive, onAction }: MessageRowProps & { id: string }) {
  const { client } = useChat();
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
      // Tab reaches the links inside a message only from that message.
      tabIndex={client && !isActive ? -1 : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        onAction("jump", message);
      }}
    >
      <span className="visually-hidden">In reply to </span>
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

function MessageToolbar({ message, isMine, canDelete, canWrite, onAction }: MessageRowProps) {
  return (
    <fieldset className={styles.tools} aria-label="Message actions">
      {canWrite && (
        <button type="button" aria-label="Reply" title="Reply (R)" onClick={() => onAction("reply", message)}>
          <CornerUpLeft size={16} />
        </button>
      )}
      {isMine && canWrite && (
        <button type="button" aria-label="Edit" title="Edit (E)" onClick={() => onAction("edit", message)}>
          <Pencil size={15} />
        </button>
      )}
      {canDelete && (
        <button type="button" aria-label="Delete" title="Delete (Del)" onClick={() => onAction("delete", message)}>
          <Trash2 size={15} />
        </button>
      )}
    </fieldset>
  );
}

function DeleteForm({ message, onAction }: MessageRowProps) {
  return (
    <fieldset
      data-question
      className={styles.choices}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        onAction("cancel", message);
      }}
    >
      <legend>Delete this message for everyone?</legend>
      {/* biome-ignore lint/a11y/noAutofocus: the question follows a keystroke or a press and the next one chooses. */}
      <button type="button" autoFocus onClick={() => onAction("confirm-delete", message)}>
        Delete
      </button>
      <button type="button" onClick={() => onAction("cancel", message)}>
        Cancel
      </button>
    </fieldset>
  );
}
