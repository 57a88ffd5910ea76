/** A visible message row. `bottom`: where it ends, in px from the top of the window. */
export interface VisibleRow {
  element: HTMLElement;
  bottom: number;
}

/** Which part of a conversation a reader sees. */
export interface VisibleRange {
  /** The first and the last message that is at least partly visible; null: none, or the list is hidden. */
  first: string | null;
  last: string | null;
  /** The last message whose end is visible, or above. */
  read: string | null;
  /** Whether the end of the conversation is visible, and new messages scroll in by themselves. */
  following: boolean;
}

/** Layouts have fractions of a pixel. */
const TOLERANCE_PX = 2;

/** The message rows that are at least partly visible in the box, from the top, and the last message whose end is visible or above. */
export function findVisibleRows(box: HTMLElement): { rows: VisibleRow[]; read: string | null } {
  const { top, bottom, height } = box.getBoundingClientRect();
  const all = box.querySelectorAll<HTMLElement>("[data-message]");
  // A box without height is hidden: on a phone a panel covers it.
  if (height === 0) return { rows: [], read: null };
  const getBottom = (index: number) => all[index]?.getBoundingClientRect().bottom ?? Number.POSITIVE_INFINITY;
  const first = firstIndex(all.length, (index) => getBottom(index) > top);
  const after = firstIndex(all.length, (index) => getBottom(index) > bottom + TOLERANCE_PX);
  const rows: VisibleRow[] = [];
  for (let index = first; index < all.length && index <= after; index += 1) {
    const element = all[index];
    if (element) rows.push({ element, bottom: getBottom(index) });
  }
  return { rows, read: all[after - 1]?.dataset.message ?? null };
}

/** The first of `count` indices for which it holds, given that it holds for all after that one; `count` when for none. */
export function firstIndex(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
