import type { Rest } from "../../../sdk/rest.ts";

/** As many as the server tells at once. */
const MOST = 100;

/** The usernames of those of `ids` who are people here, by id. */
export async function namesOf(rest: Rest, ids: readonly string[]): Promise<Record<string, string>> {
  const all = [...new Set(ids)].filter((id) => /^[\x21-\x7e]{1,255}$/.test(id));
  const names: [id: string, username: string][] = [];
  for (let from = 0; from < all.length; from += MOST) {
    const { data } = await rest.users.list({ ids: all.slice(from, from + MOST) });
    for (const { id, username } of data) names.push([id, username]);
  }
  return Object.fromEntries(names);
}
