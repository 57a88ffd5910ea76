import type { Page } from "playwright-core";

/** What a page recorded of its messages during scrolling. */
export interface Movement {
  /** Texts that moved by more than a pixel without the reader's own scrolling: "how they moved, when". */
  jumps: string[];
  /** Messages that were visible in any frame, by their `data-message`. */
  seen: string[];
  /** How often messages came or went. */
  loads: number;
}

/** A scroll of the user may continue for this many ms after the last wheel event. */
const SETTLED_MS = 700;

/**
 * Watches the visible texts. Two cases are a jump: a change of the list that moves them, where the reader does not
 * follow the end; and any movement between two frames when no wheel or key was used for a while.
 */
export function watchMovement(page: Page): Promise<void> {
  return page.evaluate((settledMs) => {
    const box = document.querySelector<HTMLElement>("section[aria-label=Messages]");
    const list = box?.querySelector("ol");
    if (!box || !list) throw new Error("there are no messages on this page");
    const movement: Movement = { jumps: [], seen: [], loads: 0 };
    const seen = new Set<string>();
    let input = performance.now();
    let before = new Map<string, number>();
    let following = false;
    let place = "";

    const describe = () => {
      const rows = box.querySelectorAll("[data-message]");
      return `${box.scrollTop.toFixed(1)} of ${box.scrollHeight}, ${rows.length} messages${/Newer messages/.test(box.textContent ?? "") ? ", newer missing" : ""}`;
    };
    const look = () => {
      place = describe();
      const { top, bottom } = box.getBoundingClientRect();
      const tops = new Map<string, number>();
      for (const row of box.querySelectorAll<HTMLElement>("[data-message]")) {
        const text = row.querySelector("[data-text]")?.getBoundingClientRect();
        if (!text || text.bottom <= top || text.top >= bottom) continue;
        tops.set(row.dataset.message ?? "", text.top);
        seen.add(row.dataset.message ?? "");
      }
      following = Math.abs(box.scrollTop) < 80 && !/Newer messages/.test(box.textContent ?? "");
      return tops;
    };
    const compare = (when: string) => {
      const wasFollowing = following;
      const was = before;
      const wasAt = place;
      before = look();
      if (wasFollowing) return;
      const moved = [...before].flatMap(([id, y]) => (was.has(id) ? [y - (was.get(id) ?? 0)] : []));
      const far = moved.filter((by) => Math.abs(by) > 1);
      if (far.length > 0)
        movement.jumps.push(
          `${far.length} of ${moved.length} texts by ${far[0]?.toFixed(1)} px ${when}: from ${wasAt} to ${place}`,
        );
      if (was.size > 0 && moved.length === 0)
        movement.jumps.push(`all ${was.size} texts out of view ${when}: from ${wasAt} to ${place}`);
    };

    for (const kind of ["wheel", "keydown"])
      window.addEventListener(
        kind,
        () => {
          input = performance.now();
        },
        { capture: true, passive: true },
      );
    box.addEventListener("scroll", () => {
      before = look();
    });
    // Measured as the first message comes or goes, and again when all have.
    let changing = false;
    for (const name of ["insertBefore", "appendChild", "removeChild"] as const) {
      Object.assign(list, {
        [name](this: Node, ...nodes: [Node, Node]) {
          if (!changing) before = look();
          changing = true;
          return (Node.prototype[name] as (...nodes: Node[]) => Node).apply(this, nodes);
        },
      });
    }
    new MutationObserver(() => {
      changing = false;
      movement.loads += 1;
      compare(`as the list changed (load ${movement.loads})`);
    }).observe(list, { childList: true });
    const frame = () => {
      if (performance.now() - input > settledMs) compare("in a quiet moment");
      else before = look();
      requestAnimationFrame(frame);
    };
    before = look();
    requestAnimationFrame(frame);
    Object.assign(window, { movement: () => ({ ...movement, seen: [...seen] }) });
  }, SETTLED_MS);
}

export function readMovement(page: Page): Promise<Movement> {
  return page.evaluate(() => (window as unknown as { movement: () => Movement }).movement());
}
