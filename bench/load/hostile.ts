/** A body, and what is bad about it. */
export interface Hostile {
  what: string;
  body: string | Uint8Array<ArrayBuffer>;
}

/** Fills `size` bytes: `head`, as many of `unit` as fit, `filler`, `tail`. */
function filled(
  size: number,
  head: string,
  unit: string | ((n: number) => string),
  tail: string,
  filler = " ",
): string {
  const room = size - Buffer.byteLength(head) - Buffer.byteLength(tail);
  const units =
    typeof unit === "string" ? unit.repeat(Math.floor(room / Buffer.byteLength(unit))) : unitsIn(room, unit);
  return head + units + filler.repeat(room - Buffer.byteLength(units)) + tail;
}

/** As many different units as fit. */
function unitsIn(room: number, unit: (n: number) => string): string {
  const units: string[] = [];
  for (let n = 0, left = room - unit(0).length; left >= 0; n++, left -= unit(n).length) units.push(unit(n));
  return units.join("");
}

/**
 * Texts of exactly `size` bytes: JSON that is deep, wide, long or the most expensive to parse, and invalid JSON.
 *
 * @param fields names of a body's fields, which get what is long
 */
export function hostileJson(size: number, fields: readonly string[] = ["email"]): Hostile[] {
  const depth = Math.floor((size - 1) / 2);
  const long = (what: string, unit: string): Hostile[] =>
    fields.map((field) => ({ what: `${what} in ${field}`, body: filled(size, `{"${field}":"`, unit, '"}', "x") }));
  const many = (what: string, head: string, unit: string | ((n: number) => string), tail: string): Hostile => ({
    what,
    body: filled(size, head, unit, tail),
  });
  return [
    { what: "deep arrays", body: `${"[".repeat(depth)}1${"]".repeat(depth)}`.padEnd(size) },
    many("deep objects, not closed", "", '{"a":', ""),
    many("32 levels, again and again", "[0", `,${"[".repeat(31)}${"]".repeat(31)}`, "]"),
    many("many numbers", "[0", ",1", "]"),
    many("many empty objects", "[0", ",{}", "]"),
    many("many fields", '{"a":0', (n) => `,"${n.toString(36)}":0`, "}"),
    many("many fields named as indices", '{"a":0', (n) => `,"${4_294_967_294 - n * 7_919}":0`, "}"),
    many("one field many times", '{"a":0', ',"a":0', "}"),
    many("__proto__ many times", '{"a":0', ',"__proto__":{}', "}"),
    ...fields.map((field) => many(`${field} many times`, `{"${field}":0`, `,"${field}":"x"`, "}")),
    ...fields.map((field) => many(`many values in ${field}`, `{"${field}":[0`, ",0", "]}")),
    ...long("a long text", "x"),
    ...long("letters that look like an address", "a."),
    ...long("escapes", "\\u0041"),
    ...long("escaped quotes", '\\"'),
    ...long("halves of pairs", "\\ud800"),
    ...long("U+FDFA, 18 letters in NFKC", "\ufdfa"),
    ...long("marks on one letter", "\u0301"),
    { what: "a number of many digits", body: filled(size, '{"a":1', "7", "}", "7") },
    { what: "a fraction of many digits", body: filled(size, '{"a":0.', "3", "}", "3") },
    { what: "an exponent of many digits", body: filled(size, '{"a":1e-', "9", "}", "9") },
    many("many numbers of 300 digits", "[0", `,${"9".repeat(300)}`, "]"),
    many("numbers that are hard to round", "[0", ",2.2250738585072011e-308", "]"),
    many("white space", '{"a":0', " \t\n\r", "}"),
    { what: "a text that does not end", body: filled(size, '{"a":"', "\\\\", "", "x") },
    { what: "nothing but quotes", body: '"'.repeat(size) },
    { what: "bytes that are not UTF-8", body: new Uint8Array(size).fill(0xff) },
    { what: "zeros", body: new Uint8Array(size) },
  ];
}

/** Messages of protocol buffers of at most `size` bytes: parts repeated as often as they fit, and unknown fields. */
export function hostileMessages(size: number): Hostile[] {
  const repeated = (what: string, part: number[]): Hostile => {
    const body = new Uint8Array(size - (size % part.length));
    for (let at = 0; at < body.length; at += part.length) body.set(part, at);
    return { what, body };
  };
  return [
    repeated("empty texts in field 1", [0x0a, 0]),
    repeated("empty texts in field 7", [0x3a, 0]),
    repeated("empty texts in field 20", [0xa2, 0x01, 0]),
    repeated("empty texts in field 21", [0xaa, 0x01, 0]),
    repeated("texts of one letter in field 7", [0x3a, 1, 0x61]),
    repeated("unknown numbers", [0x78, 1]),
    repeated("unknown groups, one in the other", [0x7b]),
    repeated("unknown groups, one after the other", [0x7b, 0x7c]),
    repeated("no message at all", [0xff]),
    textField("a long text in field 1", size, 0x0a, "x"),
    textField("U+FDFA in field 3", size, 0x1a, "\ufdfa"),
  ];
}

/** A message of one text. */
function textField(what: string, size: number, tag: number, unit: string): Hostile {
  const text = Buffer.from(unit.repeat(Math.floor((size - 5) / Buffer.byteLength(unit))));
  return { what, body: new Uint8Array([tag, ...varint(text.length), ...text]) };
}

/** A length as protocol buffers write it: seven bits a byte. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

/** Forms of exactly `size` bytes, as browsers encode them. */
export function hostileForms(size: number): Hostile[] {
  const form = (what: string, head: string, unit: string | ((n: number) => string)) => ({
    what: `${size} bytes: ${what}`,
    body: filled(size, head, unit, "", "x"),
  });
  return [
    form("many fields of one name", "who=a", "&a=1"),
    form("many fields", "who=a", (n) => `&${n.toString(36)}=1`),
    form("a field that is there many times", "who=a", "&who=a"),
    form("nothing but signs between fields", "who=a", "&"),
    form("a long text", "who=", "a"),
    form("letters that look like an address", "who=", "a."),
    form("escapes", "who=a&password=", "%E4%BD%A0"),
    form("U+FDFA, 18 letters in NFKC", "who=a&username=", "%EF%B7%BA"),
    form("escapes that are wrong", "who=a&password=", "%E4"),
    form("spaces", "who=a&password=", "+"),
  ];
}

/** Texts of at most `size` bytes that are allowed in a header and in a query. */
export function hostileHeaders(size: number): Hostile[] {
  return [
    "a",
    "a,",
    ",",
    "event:1,",
    "a.",
    ".",
    "a=1;",
    ";",
    "=",
    "&a=1",
    "%EF%B7%BA",
    "%E4",
    "%2C",
    '"',
    "eyJhIjo",
    "-1:",
  ].map((unit) => ({ what: `${unit} again and again`, body: unit.repeat(Math.floor(size / unit.length)) }));
}
