import { Snowflake } from "../../protocol/rooms.ts";
import { AppError } from "../platform/errors.ts";
import { type Page, requireSingleCursor } from "../platform/http/paging.ts";

/** Which page of a list a client asks for: from one place at most. Places are the ids that `next` and `prev` gave. */
export interface PageQuery {
  limit: number;
  before?: string | undefined;
  after?: string | undefined;
  around?: string | undefined;
}

/** The page as the store reads it: one row more than shown on each side, to know whether there are more. */
export interface Window {
  /** The list is cut at this value of what it is sorted by, into those below and those above … */
  place: string;
  /** … and the place itself counts as below or as above. */
  placeIsBelow: boolean;
  below: number;
  above: number;
}

/** What the store read: both sides in the list's order. */
export interface Sides<T> {
  below: T[];
  above: T[];
}

/** Past both ends of any list of ids, and of any list of seqs. */
const OLDEST = "0";
const NEWEST = "9223372036854775807";

/** The window of a list whose cursors are Snowflakes. `from`: where a page begins that names no place. */
export function windowOfIds(query: PageQuery, from: "newest" | "oldest"): Window {
  for (const name of ["before", "after", "around"] as const) {
    if (name === "after" && query.after === OLDEST) continue;
    if (query[name] !== undefined && !Snowflake.safeParse(query[name]).success) {
      const pointer = `/query/${name}`;
      throw new AppError("invalid", undefined, { errors: [{ pointer, code: "cursor", message: "is not an id" }] });
    }
  }
  return windowOf(query, from === "newest" ? { before: NEWEST } : { after: OLDEST });
}

/**
 * The same for a list that is sorted by seq although its cursors are the ids of messages. `seqOf`: the seq of a message that the
 * list knows, else null. Throws `anchor_not_found`.
 */
export async function windowOfSeqs(
  query: PageQuery,
  from: "newest" | "oldest",
  seqOf: (messageId: string) => Promise<string | null>,
): Promise<Window> {
  const window = windowOfIds(query, from);
  const named = query.before ?? query.after ?? query.around;
  if (named === undefined || named === OLDEST) return window;
  const seq = await seqOf(named);
  if (seq === null) throw new AppError("anchor_not_found");
  return { ...window, place: seq };
}

/** The window of a list that is sorted by text. */
export function windowOfTexts(query: PageQuery): Window {
  return windowOf(query, { after: "" });
}

function windowOf(query: PageQuery, from: { before?: string; after?: string }): Window {
  requireSingleCursor(query);
  const { limit, around } = query;
  if (around !== undefined) {
    const below = Math.floor(limit / 2);
    return { place: around, placeIsBelow: false, below, above: limit - below };
  }
  const { before, after } = query.before === undefined && query.after === undefined ? from : query;
  if (before !== undefined) return { place: before, placeIsBelow: false, below: limit, above: 0 };
  return { place: after ?? "", placeIsBelow: true, below: 0, above: limit };
}

/**
 * Cuts what the store read down to the page, with the cursors to both sides. An empty page has none: a cursor leaves out the item
 * that it names, and the place where an empty page lies may be an item that was never shown.
 */
export function pageOf<T>({ below, above }: Sides<T>, window: Window, idOf: (row: T) => string): Page<T> {
  const data = [...below.slice(Math.max(0, below.length - window.below)), ...above.slice(0, window.above)];
  const first = data[0];
  const last = data.at(-1);
  return {
    data,
    prev: first !== undefined && below.length > window.below ? idOf(first) : null,
    next: last !== undefined && above.length > window.above ? idOf(last) : null,
  };
}
