import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";

/** What a PATCH may change of a thing, and nothing else: a new message must not make the rename of its channel stale. */
export type Editable = Readonly<Record<string, string | null>>;

/** The header of a response with such a tag, for the document. */
export const etagHeader = { ETag: "Names what can be edited, as it is now; send it back as `If-Match`." };

/**
 * The `ETag` of a thing: the same state has the same tag. It names the state that can be edited, not the bytes of the response,
 * so it is for `If-Match` alone; `If-None-Match` is not read.
 */
export function computeEtag(state: Editable): string {
  const hash = createHash("sha256").update(JSON.stringify(state)).digest("base64url");
  return `"${hash.slice(0, 22)}"`;
}

/**
 * Throws `changed` when the `If-Match` of a request names another state than this one (RFC 9110 §13.1.1), and `malformed`
 * when it names none. Call it where the state is locked until it has been written, or two writers find the same one.
 *
 * @param ifMatch the header as it came; undefined lets everything through
 */
export function refuseStale(ifMatch: string | undefined, state: Editable): void {
  if (ifMatch === undefined || ifMatch.trim() === "*") return;
  // A proxy that compresses puts W/ in front; the tag still names the same state.
  const tags = /^(?:\s*(?:W\/)?"[^"]*"\s*(?:,|$))+$/.test(ifMatch) ? ifMatch.match(/"[^"]*"/g) : null;
  if (tags === null) throw new AppError("malformed", 'If-Match takes the ETag of a response, with its quotes, or "*".');
  if (!tags.includes(computeEtag(state))) throw new AppError("changed");
}
