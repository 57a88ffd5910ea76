import { useEffect } from "react";

const OPEN = "details[data-dismiss][open]";

/** Closes menus and questions (`data-dismiss`) by a press outside of them and by Escape, which returns the focus. */
export function useDismiss(): void {
  useEffect(() => {
    const onPointerDown = ({ target }: PointerEvent) => {
      for (const details of document.querySelectorAll<HTMLDetailsElement>(OPEN))
        if (target instanceof Node && !details.contains(target)) details.open = false;
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || !(event.target instanceof Element)) return;
      const details = event.target.closest<HTMLDetailsElement>(OPEN);
      if (!details) return;
      event.preventDefault();
      details.open = false;
      details.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", onPointerDown);
    document.addEventListener("keydown", onKeyDown);
    return () => {
      document.removeEventListener("pointerdown", onPointerDown);
      document.removeEventListener("keydown", onKeyDown);
    };
  }, []);
}
