/** How deep the JSON of others may nest. */
export const JSON_DEPTH = 32;

/**
 * Why a text is not worth parsing, as a sentence; null when it is. A parser takes far more time for many small values than for
 * many bytes, and whoever walks a deep value later runs out of stack. Reads no further than the first offence.
 *
 * @param values how many values it may hold at most, about: each begins behind a bracket or a comma
 */
export function outOfBounds(text: string, values: number): string | null {
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
      if (c !== 0x2c && ++depth > JSON_DEPTH) return `Nest at most ${JSON_DEPTH} levels.`;
      if (++seen > values) return `Send at most ${values} values.`;
    }
  }
  return null;
}
