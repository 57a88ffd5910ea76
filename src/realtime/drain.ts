import { setTimeout } from "node:timers/promises";
import type { Connection } from "./connection.ts";
import { encodeBye } from "./encode.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Sender } from "./sender.ts";

const WAVES = 10;

/**
 * Sends everybody away without a rush (SPEC DR): all are told at once, and to come back over `spread` ms; then they are closed in
 * waves over `ms`, those with a command under way last.
 */
export async function drainConnections(
  connections: readonly Connection[],
  { sender, heartbeat, ms, spread }: { sender: Sender; heartbeat: Heartbeat; ms: number; spread: number },
): Promise<void> {
  const bye = encodeBye("draining", [0, spread]);
  for (const connection of [...connections]) sender.send(connection, "system:bye", bye);
  for (let wave = WAVES; wave > 0 && connections.length > 0; wave--) {
    await setTimeout(ms / WAVES);
    let quota = Math.ceil(connections.length / wave);
    for (const connection of [...connections]) {
      if (quota === 0) break;
      if (connection.inbox !== null && wave > 1) continue;
      heartbeat.closeAfterBye(connection, "draining");
      quota--;
    }
  }
  // Those who do not answer the close are cut by the heartbeat after its grace.
  while (connections.length > 0) await setTimeout(20);
}
