import { useEffect, useRef, useState } from "react";
import type { Message } from "../../../protocol/objects.ts";
import { MESSAGE_MAX } from "../limits.ts";
import { CharactersLeft } from "../ui/characters-left.tsx";
import { useChat } from "./chat-context.tsx";
import { readDraft, removeDraft, saveDraft } from "./drafts.ts";
import { MessageField } from "./message-field.tsx";
import styles from "./message-row.module.css";

interface EditFormProps {
  message: Message;
  onAction: (action: "cancel", message: Message) => void;
  /** Returns whether it is saved. */
  onSave: (message: Message, content: string) => Promise<boolean>;
}

/** The form that edits a message. The draft is stored until it is saved or discarded. */
export function EditForm({ message, onAction, onSave }: EditFormProps) {
  const { channelList } = useChat();
  const draftKey = `edit-${message.id}`;
  const [start] = useState(() => readDraft(channelList.userId, draftKey) || message.content);
  const [text, setText] = useState(start);
  const [original] = useState(message.content);
  const [isConfirming, setConfirming] = useState(false);
  const [saving, setSaving] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const isGone = message.deleted_at !== null;
  const isChanged = text !== message.content;
  const isOutdated = !isGone && isChanged && message.content !== original;
  const canSave = !isGone && !saving && text.trim() !== "" && text.length <= MESSAGE_MAX;

  useEffect(() => box.current?.setSelectionRange(start.length, start.length), [start]);

  function changed(value: string) {
    setText(value);
    setConfirming(false);
    saveDraft(channelList.userId, draftKey, value === message.content ? "" : value);
  }

  function close() {
    removeDraft(channelList.userId, draftKey);
    onAction("cancel", message);
  }

  function cancel(): boolean {
    if (isChanged) setConfirming(true);
    else close();
    return true;
  }

  async function save() {
    if (!isChanged) return close();
    if (!canSave) return;
    setSaving(true);
    if (await onSave(message, text)) removeDraft(channelList.userId, draftKey);
    setSaving(false);
  }

  function keepEditing() {
    setConfirming(false);
    box.current?.focus();
  }

  return (
    <form
      className={styles.edit}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <MessageField
        ref={box}
        label="Edit the message"
        defaultValue={start}
        rows={2}
        // The user has just chosen to edit this text.
        autoFocus
        onText={changed}
        onEnter={() => void save()}
        onEscape={cancel}
      />
      <CharactersLeft length={text.length} max={MESSAGE_MAX} />
      {isGone && (
        <p role="status" className={styles.gone}>
          This message was deleted. Your text is still here for you to copy.
        </p>
      )}
      {isOutdated && (
        <p role="status" className={styles.gone}>
          This message was edited in another window. It now reads: <q dir="auto">{message.content}</q> Saving replaces
          it.
        </p>
      )}
      {isConfirming ? (
        <DiscardQuestion onDiscard={close} onKeep={keepEditing} />
      ) : (
        <div className={styles.choices}>
          <button type="submit" disabled={isChanged && !canSave}>
            Save
          </button>
          <button type="button" onClick={cancel}>
            Cancel
          </button>
        </div>
      )}
    </form>
  );
}

function DiscardQuestion({ onDiscard, onKeep }: { onDiscard: () => void; onKeep: () => void }) {
  return (
    <fieldset
      className={styles.choices}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        onKeep();
      }}
    >
      <legend>Discard your changes?</legend>
      <button type="button" onClick={onDiscard}>
        Discard
      </button>
      {/* biome-ignore lint/a11y/noAutofocus: the question follows a keystroke or a press and the next one chooses. */}
      <button type="button" autoFocus onClick={onKeep}>
        Keep editing
      </button>
    </fieldset>
  );
}
