import { z } from "zod";
import { invalidFields } from "../errors.ts";

const cursor = z.string().min(1).max(200);
const limit = z.coerce.number().int().min(1).max(100).default(20);

/** `?limit=` (20, at most 100) and one of `before`, `after`, `around`: the query of a list that can be read from any position. */
export const CursorQuery = z.strictObject({
  limit,
  before: cursor.optional().meta({ description: "Items before this one, the nearest first in line." }),
  after: cursor.optional().meta({ description: "Items after this one." }),
  around: cursor.optional().meta({ description: "Half of the items before this one, it, and half after it." }),
});

/** The same for a list that is read from one end: `before` or `after` only. Spread its `shape` to add filters. */
export const ListQuery = CursorQuery.omit({ around: true });

/** One page of a list: `next` goes back in as `after`, `prev` as `before`; null at the end, and on a page without items. */
export interface Page<T> {
  data: T[];
  next: string | null;
  prev: string | null;
}

/** Refuses a query that names two positions at once; zod's own refinements would hide the fields from the document. */
export function requireSingleCursor(query: { before?: string; after?: string; around?: string }): void {
  const given = (["before", "after", "around"] as const).filter((name) => query[name] !== undefined);
  if (given.length < 2) return;
  const errors = given.map((name) => ({
    pointer: `/query/${name}`,
    code: "exclusive",
    message: "cannot be combined with the others",
  }));
  throw invalidFields(errors, `Give only one of ${given.join(" and ")}.`);
}

/** The header of a response with a page, for the document. */
export const linkHeader = { Link: "The next and the previous page (RFC 8288)." };

/**
 * The `Link` header of a page (RFC 8288), with the request's own query; no header when there is neither a next nor a
 * previous page.
 *
 * @param url of the request
 */
export function buildLinkHeader(
  url: string,
  page: { next: string | null; prev: string | null },
): Record<string, string> {
  const found = [
    page.next === null ? null : `<${buildPageUrl(url, "after", page.next)}>; rel="next"`,
    page.prev === null ? null : `<${buildPageUrl(url, "before", page.prev)}>; rel="prev"`,
  ].filter((link) => link !== null);
  return found.length === 0 ? {} : { Link: found.join(", ") };
}

function buildPageUrl(url: string, name: "after" | "before", value: string): string {
  const target = new URL(url);
  for (const cursorName of ["before", "after", "around"]) target.searchParams.delete(cursorName);
  target.searchParams.set(name, value);
  return target.pathname + target.search;
}
