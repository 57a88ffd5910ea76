import type { ISql } from "../platform/postgres/sql.ts";
import { searchKey } from "../platform/search-key.ts";
import { nameSearchKey, skeleton } from "./names.ts";
import { findUsersWithoutKeys, setNameKeys } from "./store/name-keys.ts";

const BATCH = 500;

/** Creates the keys of names that a release without them has written. A name that looks like another one stays as it is. */
export async function backfillKeys(db: ISql): Promise<void> {
  for (let after = ""; ; ) {
    const users = await findUsersWithoutKeys(db, after, BATCH);
    if (users.length === 0) return;
    await setNameKeys(
      db,
      users.map(({ id, username, name }) => ({
        id,
        username,
        search_key: searchKey(username),
        name_search_key: nameSearchKey(name),
        skeleton: skeleton(username),
      })),
    );
    after = users.at(-1)!.id;
  }
}
