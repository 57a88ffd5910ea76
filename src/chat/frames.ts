import type { ChatDeps } from "./deps.ts";
import type { Messages } from "./messages.ts";
import type { SendMessage } from "./posting.ts";
import type { ReadMarks } from "./read-marks.ts";
import type { Typing } from "./typing.ts";

/** Chat's commands on a WebSocket. What each returns is the payload of its `system:ack`. */
export function registerFrames(
  realtime: Pick<ChatDeps["realtime"], "registerCommand">,
  {
    messages,
    sendMessage,
    readMarks,
    typing,
  }: { messages: Messages; sendMessage: SendMessage; readMarks: ReadMarks; typing: Typing },
): void {
  realtime.registerCommand("message:send", async ({ caller, payload, accepted }) => {
    const sent = sendMessage(caller, payload);
    accepted(); // it is queued: the connection's next post can follow without waiting for the disk
    const { id, channel_id, seq, client_id, created_at } = (await sent).message;
    return { message_id: id, channel_id, seq, client_id, created_at };
  });

  realtime.registerCommand("message:edit", async ({ caller, payload }) => {
    const { id, edited_at } = await messages.edit(caller, payload.message_id, payload.content);
    return { message_id: id, edited_at };
  });

  realtime.registerCommand("message:delete", async ({ caller, payload }) => {
    await messages.delete(caller, payload.message_id);
    return { message_id: payload.message_id };
  });

  realtime.registerCommand("read:mark", async ({ caller, payload }) => ({
    ...(await readMarks.mark(caller, payload.channel_id, payload.message_id)),
  }));

  realtime.registerCommand("typing:start", async ({ caller, payload }) => {
    await typing.start(caller, payload.channel_id);
    return {};
  });

  realtime.registerCommand("typing:stop", async ({ caller, payload }) => {
    await typing.stop(caller, payload.channel_id);
    return {};
  });
}
