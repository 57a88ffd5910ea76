import type { ISql, SqlFragment } from "../../platform/postgres/sql.ts";
import { escapeLike, searchKey } from "../../platform/search-key.ts";
import type { KeysetRows, KeysetWindow } from "../keyset-page.ts";

/** An SQL fragment with its parameters. */
export type Fragment = SqlFragment;

/**
 * Both sides of a window as one query: `selectSide` writes the select of one side, with `side` as a column, `<key> ${condition}` as its
 * condition and `ORDER BY <key> ${end}` as its end. The key is what the list is sorted by.
 */
export function keysetQuery(
  sql: ISql,
  window: KeysetWindow,
  selectSide: (side: Fragment, condition: Fragment, end: Fragment) => Fragment,
): Fragment {
  const { cursor, isCursorBelow } = window;
  const below = selectSide(
    sql`'below' AS side`,
    isCursorBelow ? sql`<= ${cursor}` : sql`< ${cursor}`,
    sql`DESC LIMIT ${window.below + 1}`,
  );
  const above = selectSide(
    sql`'above' AS side`,
    isCursorBelow ? sql`> ${cursor}` : sql`>= ${cursor}`,
    sql`ASC LIMIT ${window.above + 1}`,
  );
  return sql`(${below}) UNION ALL (${above})`;
}

/** The rows of `keysetQuery`, split into both sides. */
export function splitRows<R extends { side: string | null }, T>(
  rows: readonly R[],
  toItem: (row: R) => T,
): KeysetRows<T> {
  return {
    below: rows.filter((row) => row.side === "below").map(toItem),
    above: rows.filter((row) => row.side === "above").map(toItem),
  };
}

/** Whether a person (row `alias` of users) has a name like this one, by its keys; without keys yet as closely as SQL can. */
export function matchesUser(sql: ISql, alias: SqlFragment, q: string): SqlFragment {
  const like = containsPattern(q);
  return sql`(coalesce(${alias}.search_key, ${alias}.username_key) LIKE ${like}
    OR coalesce(${alias}.name_search_key, lower(${alias}.name)) LIKE ${like})`;
}

/** Text that a person searches for, as a pattern for LIKE on search keys: found anywhere, taken literally. */
export function containsPattern(text: string): string {
  return `%${escapeLike(searchKey(text))}%`;
}
