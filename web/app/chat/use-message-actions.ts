import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "../../../protocol/objects.ts";
import type { ChannelView } from "./channel-view.ts";
import type { RowAction } from "./message-row.tsx";

/** How long the message that was jumped to is highlighted, in ms. */
const HIGHLIGHT_MS = 2_500;

interface MessageActionsOptions {
  channelView: ChannelView;
  list: RefObject<HTMLElement | null>;
  /** Message to scroll to first. */
  target: string | null;
  onReply: (message: Message) => void;
  /** An error, as a sentence. */
  onError: (text: string) => void;
}

/** The actions on a message: reply, edit, delete, jump to the original; and which one is being edited or highlighted. */
export function useMessageActions({ channelView, list, target, onReply, onError }: MessageActionsOptions) {
  const [openForm, setOpenForm] = useState<{ id: string; mode: "edit" | "delete" } | null>(null);
  const [highlighted, setHighlighted] = useState(target);
  /** The element that had the focus before the form was opened. */
  const origin = useRef<Element | null>(null);

  /** Reports an error; returns whether it succeeded. */
  const reportFailure = useCallback(
    (what: Promise<void>): Promise<boolean> =>
      what.then(
        () => true,
        (error) => {
          onError(error instanceof Error ? error.message : "Something went wrong. Try again.");
          return false;
        },
      ),
    [onError],
  );

  const begin = useCallback((id: string, mode: "edit" | "delete") => {
    origin.current = document.activeElement;
    setOpenForm({ id, mode });
  }, []);

  /** The focus goes back to the composer if it came from there, otherwise to the message. */
  const end = useCallback(
    (id: string) => {
      setOpenForm(null);
      if (origin.current instanceof HTMLTextAreaElement && origin.current.isConnected) origin.current.focus();
      else focusMessage(list.current, id);
    },
    [list],
  );

  const jump = useCallback(
    async (id: string) => {
      await channelView.showAround(id);
      setHighlighted(id);
      requestAnimationFrame(() => focusMessage(list.current, id));
      setTimeout(() => setHighlighted(null), HIGHLIGHT_MS);
    },
    [channelView, list],
  );

  const runAction = useCallback(
    (what: RowAction, message: Message) => {
      if (what === "reply") onReply(message);
      if (what === "jump" && message.reply_to_id !== null) void reportFailure(jump(message.reply_to_id));
      if (what === "edit" || what === "delete") begin(message.id, what);
      if (what === "cancel") end(message.id);
      if (what === "confirm-delete") {
        void reportFailure(channelView.remove(message.id));
        end(message.id);
      }
    },
    [channelView, onReply, jump, reportFailure, begin, end],
  );

  const save = useCallback(
    async (message: Message, content: string): Promise<boolean> => {
      try {
        await channelView.edit(message.id, content);
        end(message.id);
        return true;
      } catch (error) {
        // The text stays in its field, so nothing that was typed is lost.
        onError(error instanceof Error ? error.message : "The change could not be saved.");
        return false;
      }
    },
    [channelView, end, onError],
  );

  useEffect(() => {
    const edit = (event: Event) => {
      if (event instanceof CustomEvent && typeof event.detail === "string") begin(event.detail, "edit");
    };
    window.addEventListener("usher:edit", edit);
    return () => window.removeEventListener("usher:edit", edit);
  }, [begin]);

  return { openForm, highlighted, runAction, save, reportFailure };
}

function focusMessage(list: HTMLElement | null, id: string): void {
  const row = list?.querySelector<HTMLElement>(`[data-message="${id}"]`);
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}
