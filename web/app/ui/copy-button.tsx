import { useEffect, useState } from "react";

/** Puts a text on the clipboard; it is not shown without scripts. `name`: for screen readers. */
export function CopyButton({ text, name, className }: { text: string; name: string; className?: string }) {
  const [state, setState] = useState<"none" | "ready" | "copied" | "failed">("none");
  useEffect(() => setState("ready"), []);
  if (state === "none") return null;
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState("copied"),
      () => setState("failed"),
    );
  return (
    <>
      <button type="button" className={className} aria-label={name} onClick={copy}>
        {state === "copied" ? "Copied" : "Copy"}
      </button>
      <span role="status" className={state === "failed" ? undefined : "visually-hidden"}>
        {state === "copied" && "Copied."}
        {state === "failed" && "Your browser did not allow it. Select the text and copy it."}
      </span>
    </>
  );
}
