import type { Page } from "playwright-core";

/** What a finger can press and is too small for it: its name, width and height in px. */
export function findSmallTargets(page: Page, min = 44): Promise<string[]> {
  return page.evaluate((shortest) => {
    const PRESSED = "a[href], button, summary, select, textarea, input:not([type=hidden]), [role=button]";
    /** A link within a sentence is as high as its line (WCAG 2.5.8). */
    const isInSentence = (element: Element) => {
      const around = element.matches("a") ? element.closest("p, [data-text]") : null;
      return around !== null && (around.textContent ?? "").trim() !== (element.textContent ?? "").trim();
    };
    /** A box or dot is pressed by its label, too. */
    const measureSize = (element: Element) => {
      const parts = [element, ...((element as HTMLInputElement).labels ?? [])].map((part) =>
        part.getBoundingClientRect(),
      );
      const isBox = element.matches("[type=checkbox], [type=radio]");
      return isBox
        ? {
            width: Math.max(...parts.map(({ width }) => width)),
            height: Math.max(...parts.map(({ height }) => height)),
          }
        : element.getBoundingClientRect();
    };
    return [...document.querySelectorAll(PRESSED)]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !isInSentence(element))
      .filter((element) => !element.matches(".skip-link"))
      .flatMap((element) => {
        const { width, height } = measureSize(element);
        // Half a pixel: sizes are in rem.
        if (width > shortest - 0.5 && height > shortest - 0.5) return [];
        const name = element.getAttribute("aria-label") ?? (element.textContent || element.getAttribute("name"));
        return [`${element.tagName.toLowerCase()} “${name?.slice(0, 40)}” ${Math.round(width)}×${Math.round(height)}`];
      });
  }, min);
}

/** Buttons with a border whose text is nearer to it than `min` px. */
export function findTightButtons(page: Page, min = 10): Promise<string[]> {
  return page.evaluate((shortest) => {
    const hasBorder = (element: Element) => Number.parseFloat(getComputedStyle(element).borderInlineStartWidth) > 0;
    return [...document.querySelectorAll("button, summary, a[href]")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && hasBorder(element))
      .flatMap((element) => {
        const text = (element.textContent ?? "").trim();
        const range = document.createRange();
        range.selectNodeContents(element);
        const room = range.getBoundingClientRect().left - element.getBoundingClientRect().left;
        return text === "" || room >= shortest ? [] : [`${text.slice(0, 40)}: ${Math.round(room)} px`];
      });
  }, min);
}
