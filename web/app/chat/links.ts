import { LinkifyIt } from "linkify-it";

/** A longer link stays text. */
export const MAX_LINK = 2_000;

// It searches up to `maxLength` from each possible start of a link and cuts there: a longer result than ours was cut.
const finder = new LinkifyIt({ fuzzyEmail: false, fuzzyLink: false, urlAuth: true, maxLength: MAX_LINK + 100 })
  .add("ftp:", null)
  .add("mailto:", null)
  .add("//", null);

/** Code is quoted by backticks, and a bidi control would display a link in another order than its characters: a link ends at both. */
const LINK_END = /[`\p{Bidi_Control}]/gu;

export interface TextPart {
  kind: "text" | "link";
  text: string;
  /** Where it begins in the whole text. */
  at: number;
}

/** A text split into its http(s) links and what is between them; the parts joined are the text. */
export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let at = 0;
  for (const { index, lastIndex } of finder.match(text.replace(LINK_END, " ")) ?? []) {
    const link = text.slice(index, lastIndex);
    if (link.length > MAX_LINK || !isSafe(link)) continue;
    if (index > at) parts.push({ kind: "text", text: text.slice(at, index), at });
    parts.push({ kind: "link", text: link, at: index });
    at = lastIndex;
  }
  if (at < text.length) parts.push({ kind: "text", text: text.slice(at), at });
  return parts;
}

/** `https://bank.example@other.example` leads to the second: a name before the host is there only to mislead. */
function isSafe(link: string): boolean {
  const url = URL.parse(link);
  return url !== null && ["http:", "https:"].includes(url.protocol) && url.username === "" && url.password === "";
}
