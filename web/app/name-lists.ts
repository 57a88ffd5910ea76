/** As many as the server answers in one request. */
const NAMES_MAX = 100;
/** Characters of them: in the address each may become three, and the line of a request ends at 16 kB. */
const LENGTH_MAX = 4_000;

/** Names (ids, rooms), each once, in lists that one request can ask for. */
export function inLists(names: readonly string[]): string[][] {
  const lists: string[][] = [];
  let length = LENGTH_MAX;
  for (const name of new Set(names)) {
    length += name.length + 1;
    if (length > LENGTH_MAX || lists.at(-1)?.length === NAMES_MAX) {
      lists.push([]);
      length = name.length + 1;
    }
    lists.at(-1)!.push(name);
  }
  return lists;
}
