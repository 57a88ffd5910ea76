import type { ISql } from "../platform/postgres/sql.ts";
import { nameKey, searchKey } from "../platform/search-key.ts";
import { findChannelsWithoutKeys, setChannelKeys } from "./store/name-keys.ts";

const BATCH = 500;

/** Creates the keys of channels' names that a release without them has written. Channels of one name stay as they are. */
export async function backfillKeys(sql: ISql): Promise<void> {
  for (let after = "0"; ; ) {
    const channels = await findChannelsWithoutKeys(sql, after, BATCH);
    if (channels.length === 0) return;
    await setChannelKeys(
      sql,
      channels.map(({ id, name }) => ({ id, name, name_key: nameKey(name), search_key: searchKey(name) })),
    );
    after = channels.at(-1)!.id;
  }
}
