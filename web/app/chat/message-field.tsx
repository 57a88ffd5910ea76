import { type ComponentProps, type KeyboardEvent, useLayoutEffect, useRef } from "react";
import styles from "./message-field.module.css";

interface MessageFieldProps
  extends Pick<ComponentProps<"textarea">, "rows" | "required" | "placeholder" | "autoFocus"> {
  ref?: React.RefObject<HTMLTextAreaElement | null>;
  label: string;
  defaultValue?: string;
  onText: (text: string) => void;
  /** Enter, where it sends. */
  onEnter: () => void;
  /** Returns whether it was handled; if not, the key is left to the elements around. */
  onEscape?: () => boolean;
  /** The upwards arrow in an empty field. */
  onUp?: () => void;
}

/**
 * The text field of a message, new or edited. With a keyboard Enter sends and Shift+Enter begins a line; on a touch screen Enter
 * begins a line and a button sends. Keys that an input method uses during composition are ignored.
 */
export function MessageField({ label, onText, onEnter, onEscape, onUp, ref, ...props }: MessageFieldProps) {
  const own = useRef<HTMLTextAreaElement>(null);
  const box = ref ?? own;
  useLayoutEffect(() => {
    if (box.current) grow(box.current);
  }, [box]);

  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    // keyCode 229: Safari ends the composition before the event of the key that ended it.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && onEscape?.()) event.preventDefault();
    if (event.key === "ArrowUp" && onUp && event.currentTarget.value === "") {
      event.preventDefault();
      onUp();
    }
    const isWanted = event.ctrlKey || event.metaKey || window.matchMedia("(pointer: fine)").matches;
    if (event.key !== "Enter" || event.shiftKey || !isWanted) return;
    event.preventDefault();
    onEnter();
  }

  return (
    <textarea
      {...props}
      ref={box}
      name="content"
      dir="auto"
      aria-label={label}
      className={styles.field}
      enterKeyHint="enter"
      onChange={({ currentTarget }) => {
        grow(currentTarget);
        onText(currentTarget.value);
      }}
      onKeyDown={onKeyDown}
    />
  );
}

/** Makes the field as high as its text, where style sheets cannot. */
export function grow(box: HTMLTextAreaElement): void {
  if (CSS.supports("field-sizing", "content")) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}
