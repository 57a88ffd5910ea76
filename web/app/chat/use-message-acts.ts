import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "../../../protocol/objects.ts";
import type { RowAct } from "./message-row.tsx";
import type { Talk } from "./talk.ts";

/** How long the message that was jumped to stands out. */
const LIT_MS = 2_500;

interface MessageActsOptions {
  talk: Talk;
  list: RefObject<HTMLElement | null>;
  /** Message to bring into sight first. */
  target: string | null;
  onReply: (message: Message) => void;
  /** A failure of what was asked for, in a sentence. */
  onTrouble: (text: string) => void;
}

/** What is done with single messages: reply, edit, delete, jump to the original; and which one is being changed or lit up. */
export function useMessageActs({ talk, list, target, onReply, onTrouble }: MessageActsOptions) {
  const [changing, setChanging] = useState<{ id: string; mode: "edit" | "delete" } | null>(null);
  const [lit, setLit] = useState(target);
  /** Where the keyboard was before a change began. */
  const origin = useRef<Element | null>(null);

  /** Tells of a failure; answers whether it worked. */
  const guarded = useCallback(
    (what: Promise<void>): Promise<boolean> =>
      what.then(
        () => true,
        (error) => {
          onTrouble(error instanceof Error ? error.message : "That did not work.");
          return false;
        },
      ),
    [onTrouble],
  );

  const begin = useCallback((id: string, mode: "edit" | "delete") => {
    origin.current = document.activeElement;
    setChanging({ id, mode });
  }, []);

  /** Whoever came from the composer writes on there; everybody else stays at the message. */
  const end = useCallback(
    (id: string) => {
      setChanging(null);
      if (origin.current instanceof HTMLTextAreaElement && origin.current.isConnected) origin.current.focus();
      else focusMessage(list.current, id);
    },
    [list],
  );

  const jump = useCallback(
    async (id: string) => {
      await talk.showAround(id);
      setLit(id);
      requestAnimationFrame(() => focusMessage(list.current, id));
      setTimeout(() => setLit(null), LIT_MS);
    },
    [talk, list],
  );

  const act = useCallback(
    (what: RowAct, message: Message) => {
      if (what === "reply") onReply(message);
      if (what === "jump" && message.reply_to_id !== null) void guarded(jump(message.reply_to_id));
      if (what === "edit" || what === "delete") begin(message.id, what);
      if (what === "cancel") end(message.id);
      if (what === "confirm-delete") {
        void guarded(talk.remove(message.id));
        end(message.id);
      }
    },
    [talk, onReply, jump, guarded, begin, end],
  );

  const save = useCallback(
    async (message: Message, content: string): Promise<boolean> => {
      try {
        await talk.edit(message.id, content);
        end(message.id);
        return true;
      } catch (error) {
        // The text stays in its box, so nothing that was typed is lost.
        onTrouble(error instanceof Error ? error.message : "The change could not be saved.");
        return false;
      }
    },
    [talk, end, onTrouble],
  );

  useEffect(() => {
    const edit = (event: Event) => {
      if (event instanceof CustomEvent && typeof event.detail === "string") begin(event.detail, "edit");
    };
    window.addEventListener("usher:edit", edit);
    return () => window.removeEventListener("usher:edit", edit);
  }, [begin]);

  return { changing, lit, act, save, guarded };
}

function focusMessage(list: HTMLElement | null, id: string): void {
  const row = list?.querySelector<HTMLElement>(`[data-message="${id}"]`);
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}
