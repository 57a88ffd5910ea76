import { Snowflake } from "../../protocol/rooms.ts";
import { AppError, invalidField } from "../platform/errors.ts";
import { type Page, requireSingleCursor } from "../platform/http/paging.ts";

/** Which page of a list a client requests: with at most one cursor. Cursors are the ids that `next` and `prev` returned. */
export interface PageQuery {
  limit: number;
  before?: string | undefined;
  after?: string | undefined;
  around?: string | undefined;
}

/** The page as the store reads it: one row more than returned on each side, to know whether there are more. */
export interface KeysetWindow {
  /** The list is split at this value of the sort key, into those below and those above … */
  cursor: string;
  /** … and the item at the cursor itself counts as below or as above. */
  isCursorBelow: boolean;
  below: number;
  above: number;
}

/** What the store read: both sides in the list's order. */
export interface KeysetRows<T> {
  below: T[];
  above: T[];
}

/** Past both ends of any list of ids, and of any list of seqs. */
const OLDEST = "0";
const NEWEST = "9223372036854775807";

/** The window of a list whose cursors are Snowflakes. `from`: where a page without a cursor begins. */
export function createIdWindow(query: PageQuery, from: "newest" | "oldest"): KeysetWindow {
  for (const name of ["before", "after", "around"] as const) {
    if (name === "after" && query.after === OLDEST) continue;
    if (query[name] !== undefined && !Snowflake.safeParse(query[name]).success)
      throw invalidField(`/query/${name}`, "cursor", "is not an id");
  }
  return createWindow(query, from === "newest" ? { before: NEWEST } : { after: OLDEST });
}

/**
 * The same for a list that is sorted by seq although its cursors are the ids of messages. `findSeq`: the seq of a message that the
 * list contains, else null. Throws `anchor_not_found`.
 */
export async function createSeqWindow(
  query: PageQuery,
  from: "newest" | "oldest",
  findSeq: (messageId: string) => Promise<string | null>,
): Promise<KeysetWindow> {
  const window = createIdWindow(query, from);
  const named = query.before ?? query.after ?? query.around;
  if (named === undefined || named === OLDEST) return window;
  const seq = await findSeq(named);
  if (seq === null) throw new AppError("anchor_not_found");
  return { ...window, cursor: seq };
}

/** The window of a list that is sorted by text. */
export function createTextWindow(query: PageQuery): KeysetWindow {
  return createWindow(query, { after: "" });
}

function createWindow(query: PageQuery, from: { before?: string; after?: string }): KeysetWindow {
  requireSingleCursor(query);
  const { limit, around } = query;
  if (around !== undefined) {
    const below = Math.floor(limit / 2);
    return { cursor: around, isCursorBelow: false, below, above: limit - below };
  }
  const { before, after } = query.before === undefined && query.after === undefined ? from : query;
  if (before !== undefined) return { cursor: before, isCursorBelow: false, below: limit, above: 0 };
  return { cursor: after ?? "", isCursorBelow: true, below: 0, above: limit };
}

/**
 * Cuts what the store read down to the page, with the cursors to both sides. An empty page has none: a cursor excludes its own
 * item, and the position of an empty page may be an item that was never returned.
 */
export function toPage<T>({ below, above }: KeysetRows<T>, window: KeysetWindow, getId: (row: T) => string): Page<T> {
  const data = [...below.slice(Math.max(0, below.length - window.below)), ...above.slice(0, window.above)];
  const first = data[0];
  const last = data.at(-1);
  return {
    data,
    prev: first !== undefined && below.length > window.below ? getId(first) : null,
    next: last !== undefined && above.length > window.above ? getId(last) : null,
  };
}
