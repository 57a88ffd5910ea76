import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** Closer than this many pixels to the end counts as being there: what comes next scrolls in by itself. */
const END_PX = 80;
/** Pages are fetched when their edge is this near. */
const AHEAD = "800px 0px";

interface AnchoredScrollOptions {
  /** Values whose change may move the content. */
  changed: unknown;
  more: unknown;
  /** Message to begin at; null: the end. */
  first: string | null;
  firstAt: ScrollLogicalPosition;
  /** Whether pages can be fetched already. */
  live: boolean;
  older: () => void;
  newer: () => void;
}

export interface AnchoredScroll {
  box: RefObject<HTMLElement | null>;
  top: RefObject<HTMLDivElement | null>;
  bottom: RefObject<HTMLDivElement | null>;
  atEnd: boolean;
  toEnd: () => void;
}

/**
 * Keeps the line that is being read where it is while messages come and go above and below it.
 * The box is a reversed column: its `scrollTop` is 0 at the end and negative above.
 */
export function useAnchoredScroll({
  changed,
  more,
  first,
  firstAt,
  live,
  older,
  newer,
}: AnchoredScrollOptions): AnchoredScroll {
  const box = useRef<HTMLElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const bottom = useRef<HTMLDivElement>(null);
  const anchor = useRef<{ element: Element; y: number } | null>(null);
  const end = useRef(true);
  const [atEnd, setAtEnd] = useState(true);
  const load = useRef({ older, newer });
  load.current = { older, newer };

  const remember = useCallback(() => {
    if (!box.current) return;
    end.current = Math.abs(box.current.scrollTop) < END_PX;
    setAtEnd(end.current);
    const next = anchorIn(box.current);
    // Browsers round what is scrolled to: taking the rounded place as the new one would add up to a drift.
    const kept = anchor.current;
    if (next && kept?.element === next.element && Math.abs(next.y - kept.y) < 1) return;
    anchor.current = next;
  }, []);

  const toEnd = useCallback(() => {
    box.current?.scrollTo({ top: 0 });
    remember();
  }, [remember]);

  // Once: begin where reading goes on.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a later change of `first` must not move the reader.
  useLayoutEffect(() => {
    const element = first === null ? null : document.getElementById(`m-${first}`);
    element?.scrollIntoView({ block: firstAt });
    remember();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: they say when the content may have moved.
  useLayoutEffect(() => {
    const { current: scroller } = box;
    const { current: held } = anchor;
    if (!scroller) return;
    if (end.current) scroller.scrollTop = 0;
    else if (held?.element.isConnected) scroller.scrollTop += held.element.getBoundingClientRect().top - held.y;
    remember();
  }, [changed, more]);

  useEffect(() => {
    const { current: scroller } = box;
    if (!scroller) return;
    let asked = 0;
    const onScroll = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(remember);
    };
    scroller.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      cancelAnimationFrame(asked);
      scroller.removeEventListener("scroll", onScroll);
    };
  }, [remember]);

  // Observed anew after each page: an edge that is still near must ask again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above.
  useEffect(() => {
    if (!live || !box.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          if (target === top.current) load.current.older();
          else load.current.newer();
        }
      },
      { root: box.current, rootMargin: AHEAD },
    );
    for (const edge of [top.current, bottom.current]) if (edge) observer.observe(edge);
    return () => observer.disconnect();
  }, [changed, live]);

  return { box, top, bottom, atEnd, toEnd };
}

/** The first message in sight, and where it is. */
function anchorIn(scroller: HTMLElement): { element: Element; y: number } | null {
  const edge = scroller.getBoundingClientRect().top;
  const rows = [...scroller.querySelectorAll("[data-message]")];
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) > edge) high = middle;
    else low = middle + 1;
  }
  const element = rows[low];
  return element ? { element, y: element.getBoundingClientRect().top } : null;
}
