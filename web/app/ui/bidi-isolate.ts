const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/**
 * A name for a sentence that is a string and not a page (a title, a label): it keeps its direction and does not change
 * the text around it, like `<bdi>` on a page (U+2068 and U+2069, UAX #9). Names without right-to-left letters are unchanged.
 */
export function bidiIsolate(name: string): string {
  return RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name;
}
