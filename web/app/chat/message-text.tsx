import { Fragment } from "react";
import { splitLinks } from "./links.ts";

/** A message's text: as it was typed, with its web addresses as links. */
export function MessageText({ text, tabIndex }: { text: string; tabIndex?: number }) {
  return splitLinks(text).map(({ kind, text: part, at }) =>
    kind === "link" ? (
      <a key={at} href={part} target="_blank" rel="noopener noreferrer nofollow ugc" tabIndex={tabIndex}>
        {part}
      </a>
    ) : (
      <Fragment key={at}>{part}</Fragment>
    ),
  );
}
