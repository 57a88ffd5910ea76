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
import { parseInput, readJson, respondWith } from "./envelope.ts";

export interface DialectRouteDeps {
  calls: Pick<Identity["calls"], "signUp" | "signIn">;
  chat: Pick<Chat, "channels" | "members" | "messages" | "sendMessage">;
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
const ChannelRef = z.object({ channel_id: ChannelId });
const MessagePageQuery = z.object({ channel_id: ChannelId, cursor: Snowflake.optional() });
const ReplyPageQuery = z.object({ message_id: Snowflake, cursor: Snowflake.optional() });
const NewReply = z.object({ message_id: Snowflake, content: MessageContent });

const PAGE_SIZE = 20;

/** The paths that the first clients have printed. Each line is a use case of v1, for the person of the token. */
export function addDialectRoutes(api: Api, { calls, chat }: DialectRouteDeps): void {
  const { channels, members, messages, sendMessage } = chat;
  // Under /api, and as they were printed: without.
  const get = (path: string, message: string, handle: (c: Context<ApiEnv>) => Promise<unknown>) => {
    for (const each of [`/api${path}`, path]) api.get(each, respondWith(message, handle));
  };
  const post = (path: string, message: string, use: (c: Context<ApiEnv>) => Promise<unknown>) => {
    for (const each of [`/api${path}`, path])
      api.post(each, (c, next) => c.get("receive")(c, next), respondWith(message, use));
  };

  post("/register", "register successfully", async (c) =>
    toAccount(await calls.signUp(parseInput(Register, "json", await readJson(c)), getClientInfo(c))),
  );
  post("/login", "login successfully", async (c) =>
    toAccount(await calls.signIn(parseInput(Login, "json", await readJson(c)), getClientInfo(c))),
  );
  get("/channel", "get channels successfully", async (c) => {
    const { data } = await channels.list(requireUser(c), { scope: "public", limit: 100 });
    return data;
  });
  post("/channel", "create channel successfully", async (c) => {
    const { name } = parseInput(NewChannel, "json", await readJson(c));
    return (await channels.create(requireUser(c), { type: "public", name })).channel;
  });
  get("/user/channel", "get channels successfully", async (c) => {
    const { data } = await channels.list(requireUser(c), { scope: "joined", limit: 100 });
    return data;
  });
  post("/channel/join", "join channel successfully", async (c) => {
    const caller = requireUser(c);
    const { channel_id } = parseInput(ChannelRef, "json", await readJson(c));
    await members.add(caller, channel_id, caller.userId);
    return channels.get(caller, channel_id);
  });
  get("/message", "get messages successfully", async (c) => {
    const { channel_id, cursor } = parseInput(MessagePageQuery, "query", c.req.query());
    const page = await messages.page(requireUser(c), channel_id, { limit: PAGE_SIZE, before: cursor });
    return { messages: page.data.map(toDialectMessage), next_cursor: page.prev };
  });
  get("/reply", "get replies successfully", async (c) => {
    const { message_id, cursor } = parseInput(ReplyPageQuery, "query", c.req.query());
    const page = await messages.replies(requireUser(c), message_id, { limit: PAGE_SIZE, after: cursor });
    return { replies: page.data.map(toDialectMessage), next_cursor: page.next };
  });
  post("/reply", "reply successfully", async (c) => {
    const caller = requireUser(c);
    const { message_id, content } = parseInput(NewReply, "json", await readJson(c));
    const { channel_id } = await messages.get(caller, message_id);
    return toDialectMessage((await sendMessage(caller, { channel_id, content, reply_to_id: message_id })).message);
  });

  api.get("/v1/health", (c) => api.fetch(new Request(new URL("/health", c.req.url), c.req.raw), c.env));
  api.get("/v1/swagger/index.html", (c) => c.redirect("/api/docs", 302));
}

function requireUser(c: Context<ApiEnv>): UserCaller {
  const caller = c.get("caller");
  if (caller.kind !== "user") throw c.get("refusal") ?? new AppError("unauthenticated");
  return caller;
}

function getClientInfo(c: Context<ApiEnv>) {
  return { address: c.get("address"), isLocal: c.get("isLocal"), userAgent: c.req.header("user-agent") ?? null };
}

type SignedIn = Awaited<ReturnType<Identity["calls"]["signUp"]>>;

/** An account with its token. The session's cookie and refresh token are not for these clients. */
function toAccount({ user, access_token }: SignedIn) {
  const { id, username, name, email, created_at } = user;
  return { id, name: name ?? username, username, email, token: access_token, created_at };
}

/** A message with the id under the name that its frames have. */
function toDialectMessage({ id, ...message }: Message) {
  return { message_id: id, ...message };
}
