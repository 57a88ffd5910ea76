import { z } from "zod";
import { Snowflake, UserId } from "./rooms.ts";
import { content, nameText, patternText, text } from "./text.ts";
import { Time } from "./time.ts";
import { isVisible } from "./visible.ts";

export { Time, TimeInput } from "./time.ts";

export const MESSAGE_MAX = 8_000;
export const MessageContent = content(MESSAGE_MAX);

/** Chosen by the client for each message; the same one again is the same message (unique per author and channel). */
export const ClientId = patternText(64, /^[\x21-\x7e]+$/, "1 to 64 characters of visible ASCII without blanks");

/** Also the filler of the Khitan script, which is a mark without a shape. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\u{16fe4}]/u;
/** On a letter of ours most fonts show nothing for a mark of SignWriting or Hangul: the name would look like the one without it. */
const FOREIGN_MARK =
  /[\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}0-9_.-]\p{M}{0,4}(?=\p{M})[^\p{scx=Inherited}\p{scx=Latin}\p{scx=Greek}\p{scx=Cyrillic}]/u;

/** Letters, their marks, and digits of any script, in normal form (NFKC): a name that is typed in another form is the same name. */
export const Username = z
  .string()
  .max(32, { error: "at most 32 characters", abort: true })
  .overwrite((name) => name.normalize("NFKC"))
  .min(2, "at least 2 characters")
  .max(32, { error: "at most 32 characters", abort: true })
  .regex(/^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}_.-]*[\p{L}\p{M}\p{N}])?$/u, "letters, digits, and _ . - between them")
  .refine((name) => !INVISIBLE.test(name), "no letters that cannot be seen")
  .refine((name) => !FOREIGN_MARK.test(name), "no marks of another script than their letters")
  .refine((name) => !/\p{M}{5}/u.test(name), "at most 4 marks on a letter");

export const Role = z.enum(["owner", "admin", "member"]);
export type Role = z.infer<typeof Role>;

/** The public profile of a person. */
export const PublicUser = z.object({ id: UserId, username: z.string(), name: z.string().nullable() });
export type PublicUser = z.infer<typeof PublicUser>;

/** A user's own profile. `role` is the role on this server (the first account is its owner). */
export const Me = PublicUser.extend({
  email: z.string().nullable(),
  phone: z.string().nullable(),
  role: Role,
  created_at: Time,
});
export type Me = z.infer<typeof Me>;

/** A position in a room's log. A client that sends it gets exactly the later entries. */
export const Position = z.object({ seq: z.number().int().min(0), epoch: z.string().max(32) });
export type Position = z.infer<typeof Position>;

export const ChannelType = z.enum(["public", "private", "direct"]);
export type ChannelType = z.infer<typeof ChannelType>;

export const ChannelName = nameText(80);
/** What a channel is about; empty text removes it. */
export const ChannelTopic = text(500).overwrite((topic) => (isVisible(topic) ? topic : ""));

export const Channel = z.object({
  id: Snowflake,
  type: ChannelType,
  /** Null for a direct chat: it is named after the other person. */
  name: z.string().nullable(),
  topic: z.string().nullable(),
  member_count: z.number().int(),
  /** The other person of a direct chat. */
  peer: PublicUser.nullable(),
  /** Head of `channel:<id>`, read in the same statement as the rest. */
  last_seq: z.number().int(),
  /** The caller's role in it; null when they are not a member (a public channel they may join). */
  role: Role.nullable(),
  /** Messages of others after the caller's read mark, at most 100 (100 means "99+"). */
  unread: z.number().int(),
  last_read_id: Snowflake.nullable(),
  /** The `seq` of that message; 0 when nothing has been read. */
  last_read_seq: z.number().int(),
  created_at: Time,
});
export type Channel = z.infer<typeof Channel>;

export const Member = z.object({ user: PublicUser, role: Role, joined_at: Time });
export type Member = z.infer<typeof Member>;

/** A message as REST returns it. In frames the same fields with `message_id` instead of `id`. */
export const Message = z.object({
  id: Snowflake,
  channel_id: Snowflake,
  /** Seq of its `message:created` in the channel's log: the order of messages. Ids only name them. */
  seq: z.number().int(),
  user_id: UserId,
  username: z.string(),
  /** Empty when deleted. */
  content: z.string(),
  client_id: z.string().nullable(),
  reply_to_id: Snowflake.nullable(),
  created_at: Time,
  edited_at: Time.nullable(),
  deleted_at: Time.nullable(),
});
export type Message = z.infer<typeof Message>;

/** A page: opaque cursors, null at the end and on a page without items. `prev` goes back in as `before` or `next` as `after`. */
export const page = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), next: z.string().nullable(), prev: z.string().nullable() });
