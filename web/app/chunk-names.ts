/** As many as the server returns in one request. */
const MAX_NAMES = 100;
/** Characters of them: in the address each may become three, and the first line of a request has at most 16 kB. */
const MAX_LENGTH = 4_000;

/** Names (ids, rooms), each once, in lists that one request can ask for. */
export function chunkNames(names: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let length = MAX_LENGTH;
  for (const name of new Set(names)) {
    length += name.length + 1;
    if (length > MAX_LENGTH || chunks.at(-1)?.length === MAX_NAMES) {
      chunks.push([]);
      length = name.length + 1;
    }
    chunks.at(-1)!.push(name);
  }
  return chunks;
}
