import { searchKey } from "../platform/search-key.ts";
import { nameSearchKey, skeleton } from "./names.ts";
import type { Db } from "./store/db.ts";
import { setKeys, withoutKeys } from "./store/keys.ts";

const BATCH = 500;

/** Makes the keys of names that were written by a release without them. A name that looks like another one stays as it is. */
export async function fillKeys(db: Db): Promise<void> {
  for (let after = ""; ; ) {
    const people = await withoutKeys(db, after, BATCH);
    if (people.length === 0) return;
    await setKeys(
      db,
      people.map(({ id, username, name }) => ({
        id,
        username,
        search_key: searchKey(username),
        name_search_key: nameSearchKey(name),
        skeleton: skeleton(username),
      })),
    );
    after = people.at(-1)!.id;
  }
}
