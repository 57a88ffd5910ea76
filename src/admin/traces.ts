import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { canReadRooms, requireRoomAccess } from "../platform/private-rooms.ts";
import type { LongResponse, TraceTarget } from "../realtime/index.ts";
import type { AdminDeps } from "./deps.ts";

/** Interval of keep-alive comments, in ms, so short that no proxy considers the connection dead. */
const KEEP_ALIVE_MS = 10_000;
/** Buffered bytes that the client has not read; beyond it lines are skipped. */
const MAX_UNREAD_BYTES = 1_000_000;

/**
 * Traces the frames that the connections of one person or room send and receive, as server-sent events, for so many seconds or until
 * the caller loses the right to it; written to the audit log. Throws `forbidden`.
 */
export async function openTrace(
  { transaction, realtime }: Pick<AdminDeps, "transaction" | "realtime">,
  who: AuditActor<UserCaller>,
  target: TraceTarget,
  seconds: number,
): Promise<ReadableStream<Uint8Array>> {
  const subject = target.room === undefined ? `user:${target.userId}` : `room:${target.room}`;
  const rooms = [target.room ?? subject];
  // It shows the text of people's messages.
  requireRoomAccess(who, rooms, target.room === undefined ? "user_id" : "room");
  // Before the first await: from here on the response ends with the right to it.
  const response = realtime.beginLongResponse({
    caller: who.caller,
    address: who.address,
    allows: (caller) => caller.kind === "user" && canReadRooms(caller.role, rooms),
  });
  try {
    await transaction({ actor: who.caller.userId, reason: "trace" }, (tx) =>
      recordAudit(tx.sql, who, { action: "trace:started", subject, detail: { seconds } }),
    );
    response.signal.throwIfAborted();
    return streamFrames({ realtime, target, seconds, response });
  } catch (error) {
    response.end();
    throw error;
  }
}

interface Trace {
  realtime: Pick<AdminDeps["realtime"], "traceFrames">;
  target: TraceTarget;
  seconds: number;
  response: LongResponse;
}

function streamFrames({ realtime, target, seconds, response }: Trace): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stop = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let skipped = 0;
        const write = (text: string) => controller.enqueue(encoder.encode(text));
        const end = realtime.traceFrames(target, (lines, leftOut) => {
          skipped += leftOut;
          if ((controller.desiredSize ?? 0) <= 0) {
            skipped += lines.length;
            return;
          }
          if (skipped > 0) write(`event: left-out\ndata: ${skipped}\n\n`);
          skipped = 0;
          write(lines.map((line) => `data: ${JSON.stringify(line)}\n\n`).join(""));
        });
        const keepAlive = setInterval(() => write(":\n\n"), KEEP_ALIVE_MS);
        const finish = () => {
          stop();
          controller.close();
        };
        const timeout = setTimeout(finish, seconds * 1_000);
        response.signal.addEventListener("abort", finish);
        stop = () => {
          end();
          response.signal.removeEventListener("abort", finish);
          response.end();
          clearInterval(keepAlive);
          clearTimeout(timeout);
        };
        write(":\n\n");
      },
      cancel: () => stop(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }),
  );
}
