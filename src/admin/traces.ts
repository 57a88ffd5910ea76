import { type By, record } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { refusePrivate } from "../platform/private-rooms.ts";
import type { TapTarget } from "../realtime/index.ts";
import type { AdminDeps } from "./deps.ts";

/** While nothing happens a comment goes out so often, in ms, that nobody on the way takes the connection for dead. */
const BEAT_MS = 10_000;
/** Text that a reader has not taken, in bytes; beyond it lines are left out. */
const MOST_UNREAD = 1_000_000;

/** What one person's or one room's connections send and get, as server-sent events, for so many seconds; written to the audit log. Throws `forbidden`. */
export async function openTrace(
  { transaction, realtime }: Pick<AdminDeps, "transaction" | "realtime">,
  who: By<UserCaller>,
  target: TapTarget,
  seconds: number,
): Promise<ReadableStream<Uint8Array>> {
  const subject = target.room === undefined ? `user:${target.userId}` : `room:${target.room}`;
  // It shows the text of what people say.
  refusePrivate(who, [target.room ?? subject], target.room === undefined ? "user_id" : "room");
  await transaction({ actor: who.caller.userId, reason: "trace" }, (tx) =>
    record(tx.sql, who, { action: "trace:started", subject, detail: { seconds } }),
  );
  const encoder = new TextEncoder();
  let stop = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let missed = 0;
        const say = (text: string) => controller.enqueue(encoder.encode(text));
        const end = realtime.tap(target, (lines, leftOut) => {
          missed += leftOut;
          if ((controller.desiredSize ?? 0) <= 0) {
            missed += lines.length;
            return;
          }
          if (missed > 0) say(`event: left-out\ndata: ${missed}\n\n`);
          missed = 0;
          say(lines.map((line) => `data: ${JSON.stringify(line)}\n\n`).join(""));
        });
        const beat = setInterval(() => say(":\n\n"), BEAT_MS);
        const over = setTimeout(() => {
          stop();
          controller.close();
        }, seconds * 1_000);
        stop = () => {
          end();
          clearInterval(beat);
          clearTimeout(over);
        };
        say(":\n\n");
      },
      cancel: () => stop(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_UNREAD }),
  );
}
