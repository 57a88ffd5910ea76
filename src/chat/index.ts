import type { Api } from "../platform/http/api.ts";
import { backfillKeys } from "./backfill-keys.ts";
import { type Channels, createChannels } from "./channels.ts";
import type { ChatDeps } from "./deps.ts";
import { eraseUser, exportUser } from "./erase.ts";
import { registerFrames } from "./frames.ts";
import { createMembers, type Members } from "./members.ts";
import { createMessages, type Messages } from "./messages.ts";
import { createChannelPolicy } from "./policy.ts";
import { createSendMessage, type SendMessage } from "./posting.ts";
import { createReadMarks, type ReadMarks } from "./read-marks.ts";
import { addChannelRoutes } from "./routes/channels.ts";
import { addMemberRoutes } from "./routes/members.ts";
import { addMessageRoutes } from "./routes/messages.ts";
import { addReadMarkRoutes } from "./routes/read-marks.ts";
import { addTypingRoutes } from "./routes/typing.ts";
import { createTyping, type Typing } from "./typing.ts";

export type { ChatDeps } from "./deps.ts";

/** Chat's use cases: every transport (REST, frames, seeds) calls these. Errors are AppErrors. */
export interface Chat {
  channels: Channels;
  members: Members;
  messages: Messages;
  sendMessage: SendMessage;
  readMarks: ReadMarks;
  typing: Typing;
  /** Removes a user from chat and redacts their messages; see erase.ts. Call identity's `erase` first: it replaces their name. */
  erase(userId: string): Promise<void>;
  /** Creates the keys of names that a release without them has written. */
  sweep(): Promise<void>;
  /** All data that chat stores about a user, as JSON values. */
  exportUser(userId: string): Promise<Record<string, unknown>>;
  /** Mounts the REST routes. */
  routes(api: Api): void;
}

/** Chat, with its commands and the policy of `channel:` rooms registered with the hub. */
export function createChat(deps: ChatDeps): Chat {
  const channels = createChannels(deps);
  const members = createMembers(deps);
  const messages = createMessages(deps);
  const sendMessage = createSendMessage(deps);
  const readMarks = createReadMarks(deps);
  const typing = createTyping(deps);
  deps.realtime.registerRooms("channel", createChannelPolicy(deps.sql));
  registerFrames(deps.realtime, { messages, sendMessage, readMarks, typing });
  return {
    channels,
    members,
    messages,
    sendMessage,
    readMarks,
    typing,
    erase: (userId) => eraseUser(deps, userId),
    sweep: () => backfillKeys(deps.sql),
    exportUser: (userId) => exportUser(deps, userId),
    routes(api) {
      addChannelRoutes(api, channels);
      addMemberRoutes(api, members);
      addMessageRoutes(api, messages, sendMessage);
      addReadMarkRoutes(api, readMarks);
      addTypingRoutes(api, typing);
    },
  };
}
