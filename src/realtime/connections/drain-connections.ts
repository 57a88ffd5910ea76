import { setTimeout } from "node:timers/promises";
import type { Connection } from "./connection.ts";
import { encodeBye } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";
import type { Heartbeat } from "./heartbeat.ts";

const WAVES = 10;

/**
 * Sends everybody away without a rush (SPEC DR): all are told at once, and to come back over `windowMs` ms; then they are closed in
 * waves over `durationMs`, those with a command under way last.
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
  // Those who do not answer the close are cut by the heartbeat after its grace.
  while (connections.length > 0) await setTimeout(20);
}
