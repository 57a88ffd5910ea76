import { UserId } from "../../../protocol/rooms.ts";
import type { Rest } from "../../../sdk/rest.ts";
import { chunkNames } from "../chunk-names.ts";

/** The usernames of those of `ids` who are people here, by id. */
export async function readUsernames(rest: Rest, ids: readonly string[]): Promise<Record<string, string>> {
  const names: [id: string, username: string][] = [];
  for (const list of chunkNames(ids.filter((id) => UserId.safeParse(id).success))) {
    const { data } = await rest.users.list({ ids: list });
    for (const { id, username } of data) names.push([id, username]);
  }
  return Object.fromEntries(names);
}
