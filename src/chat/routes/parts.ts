import { z } from "zod";
import { Snowflake } from "../../../protocol/rooms.ts";

/** What several of chat's routes have in common. */
export const channelParams = z.object({ channel_id: Snowflake });

/** Text that is looked for in names. */
export const Search = z.string().min(1).max(80);

/** The header of an answer that made something. */
export const located = { Location: "Where it is." };
