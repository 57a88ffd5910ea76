import { Fragment } from "react";

const LINK = /https?:\/\/[^\s<>"']+/g;
/** What ends a sentence is not part of the link before it. */
const TRAILING = /[.,;:!?)\]}]+$/;

/** A message's text: as it was typed, with its web addresses as links. */
export function Prose({ text }: { text: string }) {
  return partsOf(text).map(({ kind, text: part, at }) =>
    kind === "link" ? (
      <a key={at} href={part} target="_blank" rel="noopener noreferrer nofollow ugc">
        {part}
      </a>
    ) : (
      <Fragment key={at}>{part}</Fragment>
    ),
  );
}

export function partsOf(text: string): { kind: "text" | "link"; text: string; at: number }[] {
  const parts: { kind: "text" | "link"; text: string; at: number }[] = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const link = match[0].replace(TRAILING, "");
    if (!URL.canParse(link)) continue;
    if (match.index > at) parts.push({ kind: "text", text: text.slice(at, match.index), at });
    parts.push({ kind: "link", text: link, at: match.index });
    at = match.index + link.length;
  }
  if (at < text.length) parts.push({ kind: "text", text: text.slice(at), at });
  return parts;
}
