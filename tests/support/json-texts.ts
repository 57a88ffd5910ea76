import fc from "fast-check";

/** JSON as programs in other languages write it: each token apart, so that white space can be put between them. */
const scalar = fc.oneof(
  fc.constantFrom("true", "false", "null", '"\\u0041\\/"', '"\\\\"', '"\\""', '"a:,{}[] b"', '"10.10"'),
  // As written by their senders: more digits than a double has, or a notation that JavaScript does not write.
  fc.constantFrom("10.10", "-0", "9007199254740993", "1E-7", "12345678901234567890.0", "1e+2"),
  fc.string({ unit: "binary" }).map((text) => JSON.stringify(text).replaceAll("\\u0000", "")),
);
const name = fc.oneof(
  fc.string().map((text) => JSON.stringify(text)),
  fc.constantFrom('"__proto__"', '"constructor"', '"2"', '"1"', '"a\\"b"', '"\\u00e9"'),
);

const { value, object } = fc.letrec<{ value: string[]; object: string[] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar.map((token) => [token]),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => ["[", ...between(items), "]"]),
    tie("object"),
  ),
  object: fc
    .uniqueArray(fc.tuple(name, tie("value")), { selector: ([name]) => JSON.parse(name), maxLength: 6 })
    .map((members) => ["{", ...between(members.map(([name, value]) => [name, ":", ...value])), "}"]),
}));

/** The tokens of any value, and of an object, in which no name is there twice. */
export { object as jsonObject, value as jsonValue };

/** Whitespace between tokens. */
export const whiteSpace = fc.array(fc.constantFrom("", " ", "\n", "\t\r\n  "), { minLength: 1, maxLength: 7 });

export function joinTokens(tokens: readonly string[], gaps: readonly string[]): string {
  return tokens.map((token, i) => gaps[i % gaps.length] + token).join("") + gaps[0];
}

function between(items: readonly string[][]): string[] {
  return items.flatMap((item, i) => (i === 0 ? item : [",", ...item]));
}
