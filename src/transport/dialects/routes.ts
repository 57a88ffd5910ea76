import type { Context } from "hono";
import { z } from "zod";
import { ChannelName, type Message, MessageContent } from "../../../protocol/objects.ts";
import { Snowflake } from "../../../protocol/rooms.ts";
import { text } from "../../../protocol/text.ts";
import type { Chat } from "../../chat/index.ts";
import type { Identity } from "../../identity/index.ts";
import type { UserCaller } from "../../platform/caller.ts";
import { AppError } from "../../platform/errors.ts";
import type { Api, ApiEnv } from "../../platform/http/api.ts";
import { answerWith, bodyOf, checked } from "./envelope.ts";

export interface DialectRouteDeps {
  calls: Pick<Identity["calls"], "signUp" | "signIn">;
  chat: Pick<Chat, "channels" | "members" | "messages">;
}

const Register = z.object({
  username: z.unknown(),
  email: z.unknown(),
  password: z.unknown(),
  setup_code: z.unknown().optional(),
});
const Login = z.object({ email: z.unknown(), password: z.unknown() });
const NewChannel = z.object({ name: ChannelName });
/** The first clients chose UUIDs for channels. */
const ChannelId = text(64).refine(
  (id) => Snowflake.safeParse(id).success,
  "must be the id of a channel as /channel lists it, of digits: channels have no UUIDs here",
);
const ChannelOf = z.object({ channel_id: ChannelId });
const PageOfChannel = z.object({ channel_id: ChannelId, cursor: Snowflake.optional() });
const PageOfReplies = z.object({ message_id: Snowflake, cursor: Snowflake.optional() });
const NewReply = z.object({ message_id: Snowflake, content: MessageContent });

const LIMIT = 20;

/** The paths that the first clients have printed. Each line is a use case of v1, for the person of the token. */
export function addDialectRoutes(api: Api, { calls, chat }: DialectRouteDeps): void {
  const { channels, members, messages } = chat;
  // Under /api, and as they were printed: without.
  const get = (path: string, message: string, use: (c: Context<ApiEnv>) => Promise<unknown>) => {
    for (const each of [`/api${path}`, path]) api.get(each, answerWith(message, use));
  };
  const post = (path: string, message: string, use: (c: Context<ApiEnv>) => Promise<unknown>) => {
    for (const each of [`/api${path}`, path])
      api.post(each, (c, next) => c.get("receive")(c, next), answerWith(message, use));
  };

  post("/register", "register successfully", async (c) =>
    accountOf(await calls.signUp(checked(Register, "json", await bodyOf(c)), originOf(c))),
  );
  post("/login", "login successfully", async (c) =>
    accountOf(await calls.signIn(checked(Login, "json", await bodyOf(c)), originOf(c))),
  );
  get("/channel", "get channels successfully", async (c) => {
    const { data } = await channels.list(personOf(c), { scope: "public", limit: 100 });
    return data;
  });
  post("/channel", "create channel successfully", async (c) => {
    const { name } = checked(NewChannel, "json", await bodyOf(c));
    return (await channels.create(personOf(c), { type: "public", name })).channel;
  });
  get("/user/channel", "get channels successfully", async (c) => {
    const { data } = await channels.list(personOf(c), { scope: "joined", limit: 100 });
    return data;
  });
  post("/channel/join", "join channel successfully", async (c) => {
    const caller = personOf(c);
    const { channel_id } = checked(ChannelOf, "json", await bodyOf(c));
    await members.add(caller, channel_id, caller.userId);
    return channels.get(caller, channel_id);
  });
  get("/message", "get messages successfully", async (c) => {
    const { channel_id, cursor } = checked(PageOfChannel, "query", c.req.query());
    const page = await messages.page(personOf(c), channel_id, { limit: LIMIT, before: cursor });
    return { messages: page.data.map(oldMessage), next_cursor: page.prev };
  });
  get("/reply", "get replies successfully", async (c) => {
    const { message_id, cursor } = checked(PageOfReplies, "query", c.req.query());
    const page = await messages.replies(personOf(c), message_id, { limit: LIMIT, after: cursor });
    return { replies: page.data.map(oldMessage), next_cursor: page.next };
  });
  post("/reply", "reply successfully", async (c) => {
    const caller = personOf(c);
    const { message_id, content } = checked(NewReply, "json", await bodyOf(c));
    const { channel_id } = await messages.get(caller, message_id);
    return oldMessage((await messages.send(caller, { channel_id, content, reply_to_id: message_id })).message);
  });

  api.get("/v1/health", (c) => api.fetch(new Request(new URL("/health", c.req.url), c.req.raw), c.env));
  api.get("/v1/swagger/index.html", (c) => c.redirect("/api/docs", 302));
}

function personOf(c: Context<ApiEnv>): UserCaller {
  const caller = c.get("caller");
  if (caller.kind !== "user") throw c.get("refusal") ?? new AppError("unauthenticated");
  return caller;
}

function originOf(c: Context<ApiEnv>) {
  return { address: c.get("address"), isLocal: c.get("isLocal"), userAgent: c.req.header("user-agent") ?? null };
}

type SignedIn = Awaited<ReturnType<Identity["calls"]["signUp"]>>;

/** An account with its token. The session's cookie and refresh token are not for these clients. */
function accountOf({ user, access_token }: SignedIn) {
  const { id, username, name, email, created_at } = user;
  return { id, name: name ?? username, username, email, token: access_token, created_at };
}

/** A message with the id under the name that its frames have. */
function oldMessage({ id, ...message }: Message) {
  return { message_id: id, ...message };
}
