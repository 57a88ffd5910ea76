import SendHorizontal from "lucide-react/icons/send-horizontal";
import X from "lucide-react/icons/x";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { Form } from "react-router";
import type { Message } from "../../../protocol/objects.ts";
import { MESSAGE_MAX } from "../limits.ts";
import styles from "./composer.module.css";
import { forgetDraft, keepDraft, readDraft } from "./drafts.ts";

interface ComposerProps {
  channelId: string;
  userId: string;
  /** Such as "#general" or a person's name. */
  destination: string;
  /** Repeats of the plain form post are the same message. */
  clientId: string;
  replyTo: Message | null;
  /** How its writer is called. */
  replyToName: string | null;
  onCancelReply: () => void;
  /** Null while there is no connection to hand messages to: then the form posts by itself. Throws when it cannot take more. */
  onSend: ((content: string) => void) | null;
  onEditLast: () => void;
}

/** Where a message is written. What is typed belongs to this channel and survives leaving the page. */
export function Composer(props: ComposerProps) {
  const { channelId, userId, destination, clientId, replyTo, replyToName, onCancelReply, onSend, onEditLast } = props;
  const box = useRef<HTMLTextAreaElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [length, setLength] = useState(0);

  useEffect(() => {
    if (!box.current) return;
    // What was typed before the scripts arrived goes before what is kept.
    box.current.value ||= readDraft(userId, channelId);
    setLength(box.current.value.length);
    if (window.matchMedia("(pointer: fine)").matches) box.current.focus({ preventScroll: true });
  }, [userId, channelId]);

  useEffect(() => {
    if (replyTo) box.current?.focus();
  }, [replyTo]);

  function changed(text: string) {
    setLength(text.length);
    keepDraft(userId, channelId, text);
    if (box.current && !CSS.supports("field-sizing", "content")) {
      box.current.style.height = "auto";
      box.current.style.height = `${box.current.scrollHeight + 2}px`;
    }
  }

  function send() {
    const content = box.current?.value ?? "";
    if (!box.current || !onSend || content.trim() === "" || content.length > MESSAGE_MAX) return;
    try {
      onSend(content);
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : "The message could not be sent.");
      return;
    }
    setTrouble(null);
    box.current.value = "";
    forgetDraft(userId, channelId);
    changed("");
    box.current.focus();
  }

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    // During the composition of a character, Enter and the arrows belong to the input method (keyCode 229: Safari).
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && replyTo) onCancelReply();
    if (event.key === "ArrowUp" && event.currentTarget.value === "") {
      event.preventDefault();
      onEditLast();
    }
    // On a touch keyboard Enter is for new lines; the button sends.
    if (event.key !== "Enter" || event.shiftKey || !window.matchMedia("(pointer: fine)").matches) return;
    event.preventDefault();
    if (onSend) send();
    else if (event.currentTarget.value.trim() !== "") form.current?.requestSubmit();
  }

  const left = MESSAGE_MAX - length;
  return (
    <Form
      ref={form}
      method="post"
      className={styles.composer}
      onSubmit={(event) => {
        if (!onSend) return;
        event.preventDefault();
        send();
      }}
    >
      {replyTo && (
        <div className={styles.reply}>
          <span>
            Reply to <b>{replyToName}</b>: {replyTo.content}
          </span>
          <button type="button" onClick={onCancelReply} aria-label="Do not reply">
            <X size={15} />
          </button>
        </div>
      )}
      {trouble && (
        <p className={styles.trouble} role="alert">
          {trouble}
        </p>
      )}
      <input type="hidden" name="intent" value="send" />
      <input type="hidden" name="client_id" value={clientId} />
      {replyTo && <input type="hidden" name="reply_to_id" value={replyTo.id} />}
      <div className={styles.line}>
        <textarea
          ref={box}
          name="content"
          aria-label={`Message to ${destination}`}
          placeholder={`Message to ${destination}`}
          rows={1}
          required
          enterKeyHint="enter"
          onChange={(event) => changed(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button type="submit" className={styles.send} aria-label="Send" title="Send (Enter)" disabled={left < 0}>
          <SendHorizontal size={18} />
        </button>
      </div>
      {left < 500 && (
        <p className={left < 0 ? styles.trouble : styles.left} role={left < 0 ? "alert" : undefined}>
          {left < 0 ? `${-left} characters too many` : `${left} characters left`}
        </p>
      )}
    </Form>
  );
}
