import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { findVisibleRows, type VisibleRange, type VisibleRow } from "./visible-range.ts";

/** Closer than this many pixels to the end counts as being there: new messages scroll in by themselves. */
const END_PX = 80;
/** Pages are fetched when their edge is this near. */
const PREFETCH_MARGIN = "800px 0px";

interface AnchoredScrollOptions {
  /** A value that changes with each page of messages. */
  pages: unknown;
  /** Whether messages after the last one of the list are missing: then its end is not the end of the conversation. */
  hasNewer: boolean;
  /** Message to start at; null: the end. */
  first: string | null;
  firstAt: ScrollLogicalPosition;
  /** Whether pages can be fetched already. */
  isLive: boolean;
  loadOlder: () => void;
  loadNewer: () => void;
  /** Loads the end of the conversation; returns whether it could. */
  loadLatest: () => Promise<boolean>;
  /** Called at each scroll and each change. */
  onVisibleRange: (range: VisibleRange) => void;
}

export interface AnchoredScroll {
  box: RefObject<HTMLElement | null>;
  inner: RefObject<HTMLDivElement | null>;
  top: RefObject<HTMLDivElement | null>;
  bottom: RefObject<HTMLDivElement | null>;
  atEnd: boolean;
  /** Goes to the end of the conversation; where it is not loaded yet, as soon as it is. */
  toEnd: () => void;
  /** To be called before and after each change of what is in the box. */
  before: () => void;
  after: () => void;
}

/**
 * Keeps the visible messages in position while others are added and removed above and below.
 * The box is a reversed column: its `scrollTop` is 0 at the end and negative above.
 */
export function useAnchoredScroll(options: AnchoredScrollOptions): AnchoredScroll {
  const { pages, hasNewer, first, firstAt, isLive } = options;
  const box = useRef<HTMLElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const bottom = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const latest = useRef(options);
  latest.current = options;
  const state = useRef({
    rows: [] as VisibleRow[],
    following: false,
    /** `hasNewer` of what is on the screen. */
    newerMissing: hasNewer,
    /** The end is wanted, but not loaded yet. */
    endWanted: false,
    /** What in the box has the focus. */
    focused: null as Element | null,
  });

  const remember = useCallback(() => {
    const scroller = box.current;
    if (!scroller) return;
    const { rows, read } = findVisibleRows(scroller);
    if (scroller.clientHeight > 0) {
      const near = Math.abs(scroller.scrollTop) < END_PX;
      state.current.following = near && !state.current.newerMissing;
      setAtEnd(near);
      // Browsers round scroll positions: taking the rounded one as the new one would add up to a drift.
      const anchor = findAnchor(state.current.rows);
      state.current.rows = rows.map((row) =>
        anchor && row.element === anchor.element && Math.abs(row.bottom - anchor.bottom) < 1 ? anchor : row,
      );
    }
    latest.current.onVisibleRange({
      first: rows[0]?.element.dataset.message ?? null,
      last: rows.at(-1)?.element.dataset.message ?? null,
      read,
      following: state.current.following && scroller.clientHeight > 0,
    });
  }, []);

  /** Scrolls so that the anchor message is where it was. */
  const restore = useCallback(() => {
    const scroller = box.current;
    if (!scroller || scroller.clientHeight === 0) return;
    const anchor = findAnchor(state.current.rows);
    if (state.current.following || state.current.endWanted) scroller.scrollTop = 0;
    else if (anchor) scroller.scrollTop += anchor.element.getBoundingClientRect().bottom - anchor.bottom;
    remember();
  }, [remember]);

  const toEnd = useCallback(() => {
    if (state.current.newerMissing) {
      state.current.endWanted = true;
      void latest.current.loadLatest().then((isLoaded) => {
        if (!isLoaded) state.current.endWanted = false;
      });
      return;
    }
    box.current?.scrollTo({ top: 0 });
    remember();
  }, [remember]);

  const before = useCallback(() => {
    const { activeElement } = document;
    state.current.focused = activeElement && box.current?.contains(activeElement) ? activeElement : null;
    remember();
  }, [remember]);

  const after = useCallback(() => {
    // The focus stays in the list when the message that had it is no longer loaded.
    if (state.current.focused?.isConnected === false) box.current?.focus({ preventScroll: true });
    const isLoaded = state.current.newerMissing && !latest.current.hasNewer;
    state.current.newerMissing = latest.current.hasNewer;
    restore();
    if (isLoaded) state.current.endWanted = false;
  }, [restore]);

  // Once: start where reading continues.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a later change of `first` must not move the reader.
  useLayoutEffect(() => {
    const element = first === null ? null : document.getElementById(`m-${first}`);
    element?.scrollIntoView({ block: firstAt });
    remember();
  }, []);

  useEffect(() => {
    const { current: scroller } = box;
    if (!scroller || !inner.current) return;
    // Text that wraps again, a field that grows while typing: sizes change without a change of the list.
    const resized = new ResizeObserver(restore);
    resized.observe(scroller);
    resized.observe(inner.current);
    scroller.addEventListener("scroll", remember, { passive: true });
    return () => {
      resized.disconnect();
      scroller.removeEventListener("scroll", remember);
    };
  }, [remember, restore]);

  // Observed again after each page: an edge that is still near must load the next one.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above.
  useEffect(() => {
    if (!isLive || !box.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting || state.current.endWanted) continue;
          if (target === top.current) latest.current.loadOlder();
          else latest.current.loadNewer();
        }
      },
      { root: box.current, rootMargin: PREFETCH_MARGIN },
    );
    for (const edge of [top.current, bottom.current]) if (edge) observer.observe(edge);
    return () => observer.disconnect();
  }, [pages, isLive]);

  return { box, inner, top, bottom, atEnd, toEnd, before, after };
}

/** The message that keeps its position: the active one with its buttons, or the first that is still in the document. */
function findAnchor(rows: VisibleRow[]): VisibleRow | undefined {
  const attached = rows.filter(({ element }) => element.isConnected);
  return attached.find(({ element }) => element.dataset.tools !== undefined) ?? attached[0];
}
