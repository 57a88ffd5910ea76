import { Fragment } from "react";
import { partsOf } from "./links.ts";

/** A message's text: as it was typed, with its web addresses as links. */
export function Prose({ text, tabIndex }: { text: string; tabIndex?: number }) {
  return partsOf(text).map(({ kind, text: part, at }) =>
    kind === "link" ? (
      <a key={at} href={part} target="_blank" rel="noopener noreferrer nofollow ugc" tabIndex={tabIndex}>
        {part}
      </a>
    ) : (
      <Fragment key={at}>{part}</Fragment>
    ),
  );
}
