import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { canReadRooms, requireRoomAccess } from "../platform/private-rooms.ts";
import type { LongResponse, TraceTarget } from "../realtime/index.ts";
import type { AdminDeps } from "./deps.ts";

/** While nothing happens a comment goes out so often, in ms, that nobody on the way takes the connection for dead. */
const BEAT_MS = 10_000;
/** Text that a reader has not taken, in bytes; beyond it lines are left out. */
const MOST_UNREAD = 1_000_000;

/**
 * What one person's or one room's connections send and get, as server-sent events, for so many seconds or until the caller loses the
 * right to it; written to the audit log. Throws `forbidden`.
 */
export async function openTrace(
  { transaction, realtime }: Pick<AdminDeps, "transaction" | "realtime">,
  who: AuditActor<UserCaller>,
  target: TraceTarget,
  seconds: number,
): Promise<ReadableStream<Uint8Array>> {
  const subject = target.room === undefined ? `user:${target.userId}` : `room:${target.room}`;
  const rooms = [target.room ?? subject];
  // It shows the text of what people say.
  requireRoomAccess(who, rooms, target.room === undefined ? "user_id" : "room");
  // Before anything is waited for: what ends the right to it ends it from here on.
  const answer = realtime.beginLongResponse({
    caller: who.caller,
    address: who.address,
    allows: (caller) => caller.kind === "user" && canReadRooms(caller.role, rooms),
  });
  try {
    await transaction({ actor: who.caller.userId, reason: "trace" }, (tx) =>
      recordAudit(tx.sql, who, { action: "trace:started", subject, detail: { seconds } }),
    );
    answer.signal.throwIfAborted();
    return linesOf({ realtime, target, seconds, answer });
  } catch (error) {
    answer.end();
    throw error;
  }
}

interface Trace {
  realtime: Pick<AdminDeps["realtime"], "traceFrames">;
  target: TraceTarget;
  seconds: number;
  answer: LongResponse;
}

function linesOf({ realtime, target, seconds, answer }: Trace): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stop = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let missed = 0;
        const say = (text: string) => controller.enqueue(encoder.encode(text));
        const end = realtime.traceFrames(target, (lines, leftOut) => {
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
        const finish = () => {
          stop();
          controller.close();
        };
        const over = setTimeout(finish, seconds * 1_000);
        answer.signal.addEventListener("abort", finish);
        stop = () => {
          end();
          answer.signal.removeEventListener("abort", finish);
          answer.end();
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
