/**
 * JSON from outside as text. It is passed on as it was written: a parser would round numbers, reorder keys that look like
 * numbers, and lose `__proto__`. All functions here take text that JSON.parse accepts, and are linear in its length.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const SPACE = 0x20;

/** The text without white space between its parts (RFC 8259 §2), and how many members all its objects have together. */
export function compactJson(text: string): { text: string; members: number } {
  let compact = "";
  let copied = 0;
  let members = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = findStringEnd(text, i) - 1;
    else if (c === COLON) members++;
    else if (c <= SPACE) {
      compact += text.slice(copied, i);
      copied = i + 1;
    }
  }
  return { text: copied === 0 ? text : compact + text.slice(copied), members };
}

/** The members of an object: names, unescaped, and the texts of their values. One that is there twice comes twice. */
export function* iterateMembers(text: string): Generator<[name: string, value: string]> {
  let depth = 0;
  let name: string | null = null;
  let valueAt = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = findStringEnd(text, i);
      if (depth === 1 && name === null) name = JSON.parse(text.slice(i, end)) as string;
      i = end - 1;
    } else if (c === COLON && depth === 1) valueAt = i + 1;
    else if (c === 0x5b || c === 0x7b) depth++;
    else if (c === 0x5d || c === 0x7d || (c === 0x2c && depth === 1)) {
      if (depth === 1 && name !== null) {
        yield [name, text.slice(valueAt, i).trim()];
        name = null;
      }
      if (c !== 0x2c) depth--;
    }
  }
}

/** The text of an object's member; of several with this name the last, as JSON.parse reads it. */
export function getMemberText(text: string, name: string): string | undefined {
  let found: string | undefined;
  for (const [each, value] of iterateMembers(text)) if (each === name) found = value;
  return found;
}

/** The JSON text of an object with one more member, whose value is JSON text already. */
export function withMember(object: object, name: string, value: string): string {
  return mergeObjectTexts(JSON.stringify(object), `{${JSON.stringify(name)}:${value}}`);
}

/** One object's text of the members of two, both without white space. */
export function mergeObjectTexts(first: string, second: string): string {
  if (first === "{}") return second;
  return second === "{}" ? first : `${first.slice(0, -1)},${second.slice(1)}`;
}

/** The name of a member that some object has twice, if there is one: parsers do not agree on which counts (RFC 8259 §4). */
export function findDuplicateName(text: string): string | undefined {
  /** Of each open object the names so far; of an open array null. */
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const end = findStringEnd(text, i);
      const names = open.at(-1);
      if (isName && names) {
        const name = JSON.parse(text.slice(i, end)) as string;
        if (names.has(name)) return name;
        names.add(name);
        isName = false;
      }
      i = end - 1;
    } else if (c === 0x7b || c === 0x5b) {
      open.push(c === 0x7b ? new Set() : null);
      isName = c === 0x7b;
    } else if (c === 0x7d || c === 0x5d) open.pop();
    else if (c === 0x2c) isName = open.at(-1) !== null;
  }
  return undefined;
}

/** How many members the objects of a parsed value have together: fewer than its text has, when a name was there twice. */
export function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value);
  let count = Array.isArray(value) ? 0 : inner.length;
  for (const each of inner) if (typeof each === "object" && each !== null) count += countMembers(each);
  return count;
}

/** The index after the string whose opening quote is at `start`. */
function findStringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) return i + 1;
  }
  return text.length;
}
