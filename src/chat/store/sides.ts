import type { ISql, SqlFragment } from "../../platform/postgres/sql.ts";
import { escapeLike, searchKey } from "../../platform/search-key.ts";
import type { Sides, Window } from "../page.ts";

/** A piece of SQL with its parameters. */
export type Fragment = SqlFragment;

/**
 * Both sides of a window as one query: `page` writes the select of one side, with `side` as a column, `<key> ${place}` as its
 * condition and `ORDER BY <key> ${end}` as its end. The key is what the list is sorted by.
 */
export function bothSides(
  sql: ISql,
  window: Window,
  page: (side: Fragment, place: Fragment, end: Fragment) => Fragment,
): Fragment {
  const { place, placeIsBelow } = window;
  const below = page(
    sql`'below' AS side`,
    placeIsBelow ? sql`<= ${place}` : sql`< ${place}`,
    sql`DESC LIMIT ${window.below + 1}`,
  );
  const above = page(
    sql`'above' AS side`,
    placeIsBelow ? sql`> ${place}` : sql`>= ${place}`,
    sql`ASC LIMIT ${window.above + 1}`,
  );
  return sql`(${below}) UNION ALL (${above})`;
}

/** The rows of `bothSides`, told apart again. */
export function splitSides<R extends { side: string | null }, T>(rows: readonly R[], of: (row: R) => T): Sides<T> {
  return {
    below: rows.filter((row) => row.side === "below").map(of),
    above: rows.filter((row) => row.side === "above").map(of),
  };
}

/** Whether a person (row `alias` of users) has a name like this one, by its keys; without keys yet as near to that as SQL comes. */
export function personLike(sql: ISql, alias: SqlFragment, q: string): SqlFragment {
  const like = anywhere(q);
  return sql`(coalesce(${alias}.search_key, ${alias}.username_key) LIKE ${like}
    OR coalesce(${alias}.name_search_key, lower(${alias}.name)) LIKE ${like})`;
}

/** Text that a person searches for, as a pattern for LIKE on search keys: found anywhere, taken literally. */
export function anywhere(text: string): string {
  return `%${escapeLike(searchKey(text))}%`;
}
