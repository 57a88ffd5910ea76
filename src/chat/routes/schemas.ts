import { z } from "zod";
import { Snowflake } from "../../../protocol/rooms.ts";

/** Schemas that several of chat's routes share. */
export const channelParams = z.object({ channel_id: Snowflake });

/** Text that is looked for in names. */
export const Search = z.string().min(1).max(80);

/** The header of a response that created something. */
export const locationHeader = { Location: "Where it is." };
