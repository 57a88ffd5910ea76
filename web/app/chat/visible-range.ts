/** A message row that is in sight. `bottom`: where it ends, in px from the top of the window. */
export interface VisibleRow {
  element: HTMLElement;
  bottom: number;
}

/** Which part of a conversation a reader sees. */
export interface VisibleRange {
  /** The first and the last message that is at least partly in sight; null: none, or the list is hidden. */
  first: string | null;
  last: string | null;
  /** The last message whose end is in sight, or above. */
  read: string | null;
  /** Whether the end of the conversation is in sight, and new messages scroll in by themselves. */
  following: boolean;
}

/** Layouts have fractions of a pixel. */
const TOLERANCE_PX = 2;

/** The message rows that are at least partly in sight of the box, from the top, and the last message that ends in sight or above. */
export function findVisibleRows(box: HTMLElement): { rows: VisibleRow[]; read: string | null } {
  const { top, bottom, height } = box.getBoundingClientRect();
  const all = box.querySelectorAll<HTMLElement>("[data-message]");
  // A box of no height is hidden: on a phone a panel stands in its place.
  if (height === 0) return { rows: [], read: null };
  const bottomOf = (index: number) => all[index]?.getBoundingClientRect().bottom ?? Number.POSITIVE_INFINITY;
  const first = firstIndex(all.length, (index) => bottomOf(index) > top);
  const after = firstIndex(all.length, (index) => bottomOf(index) > bottom + TOLERANCE_PX);
  const rows: VisibleRow[] = [];
  for (let index = first; index < all.length && index <= after; index += 1) {
    const element = all[index];
    if (element) rows.push({ element, bottom: bottomOf(index) });
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
