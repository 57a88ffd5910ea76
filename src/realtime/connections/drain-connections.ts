import { setTimeout } from "node:timers/promises";
import type { HubLimits } from "../deps.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionCloser } from "./connection-closer.ts";
import type { NodeState } from "./connection-lifecycle.ts";
import { encodeBye } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";
import { getReconnectWindow } from "./reconnect-window.ts";

const WAVES = 10;

export interface DrainDeps {
  self: NodeState;
  connections: readonly Connection[];
  sender: FrameSender;
  closer: ConnectionCloser;
  limits: Pick<HubLimits, "handshakes">;
  /** Number of live nodes, including this one. */
  countNodes: () => number;
}

/**
 * Closes all connections gradually (SPEC DR): all get `system:bye` at once, with a reconnect window; then they are closed in waves
 * over `durationMs`, those with a command under way last.
 */
export async function drainConnections(
  { self, connections, sender, closer, limits, countNodes }: DrainDeps,
  durationMs: number,
): Promise<void> {
  self.draining = true;
  // They reconnect to the other nodes, or, where there is none, to the next process that starts here.
  const nodes = Math.max(1, countNodes() - 1);
  const bye = encodeBye("draining", [0, getReconnectWindow(connections.length, limits.handshakes, nodes, durationMs)]);
  for (const connection of [...connections]) sender.send(connection, "system:bye", bye);
  for (let wave = WAVES; wave > 0 && connections.length > 0; wave--) {
    await setTimeout(durationMs / WAVES);
    let quota = Math.ceil(connections.length / wave);
    for (const connection of [...connections]) {
      if (quota === 0) break;
      if (connection.inboundQueue !== null && wave > 1) continue;
      closer.closeAfterBye(connection, "draining");
      quota--;
    }
  }
  // Clients that do not reply to the close frame are terminated by the connection checker after CLOSE_GRACE_MS.
  while (connections.length > 0) await setTimeout(20);
}
