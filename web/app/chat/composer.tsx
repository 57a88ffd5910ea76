import SendHorizontal from "lucide-react/icons/send-horizontal";
import X from "lucide-react/icons/x";
import { useEffect, useRef, useState } from "react";
import { Form } from "react-router";
import type { Message } from "../../../protocol/objects.ts";
import { MESSAGE_MAX } from "../limits.ts";
import { CharactersLeft } from "../ui/characters-left.tsx";
import type { ChannelView } from "./channel-view.ts";
import styles from "./composer.module.css";
import { readDraft, removeDraft, saveDraft } from "./drafts.ts";
import { grow, MessageField } from "./message-field.tsx";

interface ComposerProps {
  channelId: string;
  userId: string;
  /** Such as "#general" or a person's name. */
  destination: string;
  /** Repeated plain form posts are the same message. */
  clientId: string;
  replyTo: Message | null;
  /** The display name of its author. */
  replyToName: string | null;
  /** The reply is sent, or cancelled. */
  onReplyEnd: () => void;
  /** Sends the message; null while there is no client: then the form is posted. */
  channelView: ChannelView | null;
  onEditLast: () => void;
}

/** The form for a new message. The draft belongs to this channel and survives leaving the page. */
export function Composer(props: ComposerProps) {
  const { channelId, userId, destination, clientId, replyTo, replyToName, onReplyEnd, channelView, onEditLast } = props;
  const box = useRef<HTMLTextAreaElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [error, setError] = useState<string | null>(null);
  const [length, setLength] = useState(0);

  useEffect(() => {
    if (!box.current) return;
    // Text that was typed before the scripts were loaded takes precedence over the draft.
    box.current.value ||= readDraft(userId, channelId);
    setLength(box.current.value.length);
    grow(box.current);
    const isPointerFine = window.matchMedia("(pointer: fine)").matches;
    if (isPointerFine && !isWritingElsewhere()) box.current.focus({ preventScroll: true });
  }, [userId, channelId]);

  useEffect(() => {
    if (replyTo) box.current?.focus();
  }, [replyTo]);

  useEffect(() => {
    const rewrite = (event: Event) => {
      if (!box.current || !(event instanceof CustomEvent) || typeof event.detail !== "string") return;
      box.current.value = [box.current.value, event.detail].filter(Boolean).join("\n");
      setLength(box.current.value.length);
      saveDraft(userId, channelId, box.current.value);
      grow(box.current);
      box.current.focus();
    };
    window.addEventListener("usher:rewrite", rewrite);
    return () => window.removeEventListener("usher:rewrite", rewrite);
  }, [userId, channelId]);

  function onTextChange(text: string) {
    setLength(text.length);
    saveDraft(userId, channelId, text);
  }

  function send() {
    const content = box.current?.value ?? "";
    if (!box.current || !channelView || content.trim() === "" || content.length > MESSAGE_MAX) return;
    try {
      channelView.send(content, replyTo?.id ?? null);
    } catch (error) {
      setError(error instanceof Error ? error.message : "The message could not be sent.");
      return;
    }
    setError(null);
    onReplyEnd();
    box.current.value = "";
    removeDraft(userId, channelId);
    onTextChange("");
    grow(box.current);
    box.current.focus();
  }

  function onEnter() {
    if (channelView) send();
    else if (box.current?.value.trim() !== "") form.current?.requestSubmit();
  }

  function onEscape(): boolean {
    if (replyTo) onReplyEnd();
    return replyTo !== null;
  }

  return (
    <Form
      ref={form}
      method="post"
      className={styles.composer}
      onSubmit={(event) => {
        if (!channelView) return;
        event.preventDefault();
        send();
      }}
    >
      {replyTo && (
        <div className={styles.reply}>
          <span>
            Reply to <b dir="auto">{replyToName}</b>:
          </span>{" "}
          <span dir="auto" className={styles.original}>
            {replyTo.content}
          </span>
          <button type="button" onClick={onReplyEnd} aria-label="Cancel the reply">
            <X size={15} />
          </button>
        </div>
      )}
      {error && (
        <p className={styles.error} role="alert">
          {error}
        </p>
      )}
      <input type="hidden" name="intent" value="send" />
      <input type="hidden" name="client_id" value={clientId} />
      {replyTo && <input type="hidden" name="reply_to_id" value={replyTo.id} />}
      <div className={styles.line}>
        <MessageField
          ref={box}
          label={`Message to ${destination}`}
          placeholder={`Message to ${destination}`}
          rows={1}
          required
          onText={onTextChange}
          onEnter={onEnter}
          onEscape={onEscape}
          onUp={onEditLast}
        />
        <button
          type="submit"
          className={styles.send}
          aria-label="Send"
          title="Send (Enter)"
          disabled={length > MESSAGE_MAX}
        >
          <SendHorizontal size={18} />
        </button>
      </div>
      <CharactersLeft length={length} max={MESSAGE_MAX} />
    </Form>
  );
}

/** The focus is in another field already, where the user may be typing: it stays there. */
function isWritingElsewhere(): boolean {
  return document.activeElement?.matches("input, textarea, select") ?? false;
}
