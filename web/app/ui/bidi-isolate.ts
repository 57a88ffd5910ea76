const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/**
 * A name for a sentence that is a string and not a page (a title, a label): it keeps its direction and turns nothing
 * around it, as `<bdi>` does on a page (U+2068 and U+2069, UAX #9). Names without letters that run to the left stay as they are.
 */
export function bidiIsolate(name: string): string {
  return RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name;
}
