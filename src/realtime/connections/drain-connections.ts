import { setTimeout } from "node:timers/promises";
import type { Connection } from "./connection.ts";
import { encodeBye } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";
import type { Heartbeat } from "./heartbeat.ts";

const WAVES = 10;

/**
 * Closes all connections gradually (SPEC DR): all get `system:bye` at once, with a reconnect window of `windowMs`; then they are
 * closed in waves over `durationMs`, those with a command under way last.
 */
export async function drainConnections(
  connections: readonly Connection[],
  {
    sender,
    heartbeat,
    durationMs,
    windowMs,
  }: { sender: FrameSender; heartbeat: Heartbeat; durationMs: number; windowMs: number },
): Promise<void> {
  const bye = encodeBye("draining", [0, windowMs]);
  for (const connection of [...connections]) sender.send(connection, "system:bye", bye);
  for (let wave = WAVES; wave > 0 && connections.length > 0; wave--) {
    await setTimeout(durationMs / WAVES);
    let quota = Math.ceil(connections.length / wave);
    for (const connection of [...connections]) {
      if (quota === 0) break;
      if (connection.inboundQueue !== null && wave > 1) continue;
      heartbeat.closeAfterBye(connection, "draining");
      quota--;
    }
  }
  // Clients that do not reply to the close frame are terminated by the heartbeat after CLOSE_GRACE_MS.
  while (connections.length > 0) await setTimeout(20);
}
