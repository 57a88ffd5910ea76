/** How deep JSON from outside may nest. */
export const MAX_JSON_DEPTH = 32;

/**
 * Why a text is not worth parsing, as a sentence; null when it is. A parser takes far more time for many small values than for
 * many bytes, code that walks a deep value later runs out of stack, and a number beyond a double's is read as Infinity, which has
 * no JSON: it would be passed on as null. Stops at the first violation.
 *
 * @param maxValues how many values it may hold at most, about: each begins after a bracket or a comma
 */
export function checkJsonBounds(text: string, maxValues: number): string | null {
  let depth = 0;
  let seen = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x5d || c === 0x7d) depth--;
    else if (c === 0x2c || c === 0x5b || c === 0x7b) {
      if (c !== 0x2c && ++depth > MAX_JSON_DEPTH) return `Nest at most ${MAX_JSON_DEPTH} levels.`;
      if (++seen > maxValues) return `Send at most ${maxValues} values.`;
    } else if (isDigit(c)) {
      const end = findNumberEnd(text, i);
      const number = text.slice(i, end);
      if (Number(number) === Number.POSITIVE_INFINITY)
        return `The number ${number.length > 20 ? `${number.slice(0, 20)}…` : number} is too large: send it as text.`;
      i = end - 1;
    }
  }
  return null;
}

/** Parses a text from outside; undefined when it is no JSON, or out of bounds. */
export function parseBoundedJson(text: string, maxValues: number): unknown {
  if (checkJsonBounds(text, maxValues) !== null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The index after the number whose first digit is at `start`. */
function findNumberEnd(text: string, start: number): number {
  let end = start + 1;
  for (; end < text.length; end++) {
    const c = text.charCodeAt(end);
    const inNumber = isDigit(c) || c === 0x2b || c === 0x2d || c === 0x2e || c === 0x45 || c === 0x65;
    if (!inNumber) break;
  }
  return end;
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}
