import { useEffect, useRef, useState } from "react";
import type { Message } from "../../../protocol/objects.ts";
import { MESSAGE_MAX } from "../limits.ts";
import { CharactersLeft } from "../look/characters-left.tsx";
import { forgetDraft, keepDraft, readDraft } from "./drafts.ts";
import { useHouse } from "./house-context.tsx";
import { MessageField } from "./message-field.tsx";
import styles from "./message-row.module.css";

interface EditFormProps {
  message: Message;
  onAct: (act: "cancel", message: Message) => void;
  /** Answers whether it is saved. */
  onSave: (message: Message, content: string) => Promise<boolean>;
}

/** Where a message is changed. What was typed is kept until it is saved, or until its writer says that it may go. */
export function EditForm({ message, onAct, onSave }: EditFormProps) {
  const { house } = useHouse();
  const place = `edit-${message.id}`;
  const [start] = useState(() => readDraft(house.myId, place) || message.content);
  const [text, setText] = useState(start);
  const [original] = useState(message.content);
  const [asks, setAsks] = useState(false);
  const [saving, setSaving] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const isGone = message.deleted_at !== null;
  const isChanged = text !== message.content;
  const isOvertaken = !isGone && isChanged && message.content !== original;
  const maySave = !isGone && !saving && text.trim() !== "" && text.length <= MESSAGE_MAX;

  useEffect(() => box.current?.setSelectionRange(start.length, start.length), [start]);

  function changed(value: string) {
    setText(value);
    setAsks(false);
    keepDraft(house.myId, place, value === message.content ? "" : value);
  }

  function close() {
    forgetDraft(house.myId, place);
    onAct("cancel", message);
  }

  function leave(): boolean {
    if (isChanged) setAsks(true);
    else close();
    return true;
  }

  async function save() {
    if (!isChanged) return close();
    if (!maySave) return;
    setSaving(true);
    if (await onSave(message, text)) forgetDraft(house.myId, place);
    setSaving(false);
  }

  function goOn() {
    setAsks(false);
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
        // The visitor has just asked to edit this text.
        autoFocus
        onText={changed}
        onEnter={() => void save()}
        onEscape={leave}
      />
      <CharactersLeft length={text.length} max={MESSAGE_MAX} />
      {isGone && (
        <p role="status" className={styles.gone}>
          This message was deleted. Your text is still here, to be copied.
        </p>
      )}
      {isOvertaken && (
        <p role="status" className={styles.gone}>
          This message was changed meanwhile, in another window. It now reads: <q dir="auto">{message.content}</q>{" "}
          Saving replaces that.
        </p>
      )}
      {asks ? (
        <Discard onDiscard={close} onKeep={goOn} />
      ) : (
        <div className={styles.choices}>
          <button type="submit" disabled={isChanged && !maySave}>
            Save
          </button>
          <button type="button" onClick={leave}>
            Cancel
          </button>
        </div>
      )}
    </form>
  );
}

function Discard({ onDiscard, onKeep }: { onDiscard: () => void; onKeep: () => void }) {
  return (
    <fieldset
      className={styles.choices}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        onKeep();
      }}
    >
      <legend>Discard what you changed?</legend>
      <button type="button" onClick={onDiscard}>
        Discard
      </button>
      {/* biome-ignore lint/a11y/noAutofocus: the question follows a keystroke or a press and is answered by the next one. */}
      <button type="button" autoFocus onClick={onKeep}>
        Keep editing
      </button>
    </fieldset>
  );
}
