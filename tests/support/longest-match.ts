/** What takes time for each character of a text: patterns, normal forms, folding. */
const METHODS: [object, PropertyKey, "this" | "argument"][] = [
  [RegExp.prototype, "exec", "argument"],
  [RegExp.prototype, "test", "argument"],
  ...[Symbol.match, Symbol.matchAll, Symbol.replace, Symbol.search, Symbol.split].map(
    (method): [object, PropertyKey, "argument"] => [RegExp.prototype, method, "argument"],
  ),
  ...["normalize", "toLowerCase", "toUpperCase", "localeCompare"].map((method): [object, PropertyKey, "this"] => [
    String.prototype,
    method,
    "this",
  ]),
];

/** What zod does itself, in one pass over the characters: it counts them, and checks whether the key of a record is a number. */
const ZOD_PATTERNS = [String.raw`/[\uD800-\uDBFF]/`, String.raw`/^-?\d+(?:\.\d+)?$/`];

/**
 * The length of the longest text that any pattern, normal form or change of case of this process is given while `run` runs,
 * and the one that was given it.
 */
export async function longestMatch(run: () => unknown): Promise<{ length: number; by: string }> {
  const longest = { length: 0, by: "none" };
  const restore = METHODS.map(([owner, method, place]) => {
    const descriptor = Object.getOwnPropertyDescriptor(owner, method)!;
    const value = function (this: unknown, ...given: unknown[]) {
      const text = String(place === "this" ? this : given[0]);
      if (text.length > longest.length && !ZOD_PATTERNS.includes(String(this)))
        Object.assign(longest, { length: text.length, by: `${this instanceof RegExp ? this : ""} ${String(method)}` });
      return descriptor.value.apply(this, given);
    };
    Object.defineProperty(owner, method, { ...descriptor, value });
    return () => Object.defineProperty(owner, method, descriptor);
  });
  try {
    await run();
  } finally {
    for (const each of restore) each();
  }
  return longest;
}
