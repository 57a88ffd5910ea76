import { z } from "zod";
import { Snowflake } from "../../../protocol/rooms.ts";
import { linkHeader } from "../../platform/http/paging.ts";

/** What several of chat's routes have in common. */
export const channelParams = z.object({ channel_id: Snowflake });

/** Text that is looked for in names. */
export const Search = z.string().min(1).max(80);

/** Headers of an answer with a page, and of one that made something. */
export const linked = { Link: "The next and the previous page (RFC 8288)." };
export const located = { Location: "Where it is." };

export function links(url: string, list: { next: string | null; prev: string | null }): Record<string, string> {
  const header = linkHeader(url, list);
  return header === null ? {} : { Link: header };
}
