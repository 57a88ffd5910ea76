import { z } from "zod";
import { type AuditActor, recordAudit } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError } from "../platform/errors.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import type { LiveNode } from "../platform/nodes/registry.ts";
import type { AdminDeps } from "./deps.ts";

/** The room of the admins' requests to nodes, from any node. Its entries name nodes by their numbers only. */
const ROOM = "_admin";

const Drain = z.object({ run: z.string(), seconds: z.number() });
const Close = z.object({ run: z.string(), connection: z.number() });

export interface Node extends Omit<LiveNode, "node" | "run" | "started_at" | "isReceiving" | "lag"> {
  id: string;
  started_at: string;
  /** `deaf`: this node receives nothing from the broker although others do (isolated); `away`: no node receives. */
  broker: "ok" | "deaf" | "away";
  /** How far it lagged the log at its last heartbeat: ms since the moment up to which it had seen all of it. */
  lag_ms: number;
}

/** The nodes of the cluster, and admin actions on them. */
export interface Nodes {
  /** Starts to carry out requests to this node. */
  start(): void;
  list(): Node[];
  /** Drains a node: it sends its connections to others over `seconds`, and accepts none until it is restarted. Throws `not_found`. */
  drain(who: AuditActor<UserCaller>, node: string, seconds: number): Promise<void>;
  /** Closes a connection; its client may reconnect. No error when it is closed already. Throws `not_found`: no such node. */
  close(who: AuditActor<UserCaller>, connection: string): Promise<void>;
}

export function createNodes({ transaction, liveNodes, node, realtime, logger }: AdminDeps): Nodes {
  const requireNode = (id: string) => {
    const found = liveNodes().find((each) => String(each.node) === id);
    if (!found) throw new AppError("not_found");
    return found;
  };
  /** By the time an entry is read again its number may belong to another process: `run` identifies the process. */
  const isThisNode = (run: string) => liveNodes().some((each) => each.run === run && String(each.node) === node());

  /** Entries can be read repeatedly, and each drain would start its waves again. */
  const drains = new Set<number>();

  function handleEntry({ seq, type, payload }: LogEntry): void {
    if (type === "node:drain") {
      const { run, seconds } = Drain.parse(JSON.parse(payload));
      if (!isThisNode(run) || drains.has(seq)) return;
      drains.add(seq);
      logger.info({ seconds }, "this node is drained by an admin");
      void realtime.drain(seconds * 1_000);
    } else if (type === "connection:close") {
      const { run, connection } = Close.parse(JSON.parse(payload));
      if (isThisNode(run)) realtime.closeConnection(connection, "removed");
    }
  }

  return {
    start: () => realtime.watch(ROOM, { entry: handleEntry, interrupted: () => drains.clear() }),
    list() {
      const nodes = liveNodes();
      const brokerState = nodes.some(({ isReceiving }) => isReceiving) ? "deaf" : "away";
      return nodes.map(({ node, run: _run, started_at, isReceiving, lag, ...rest }) => ({
        id: String(node),
        ...rest,
        started_at: started_at.toISOString(),
        broker: isReceiving ? "ok" : brokerState,
        lag_ms: lag,
      }));
    },
    async drain(who, id, seconds) {
      const { run } = requireNode(id);
      await transaction({ actor: who.caller.userId, reason: "drain" }, async (tx) => {
        await recordAudit(tx.sql, who, { action: "node:drained", subject: `node:${id}`, detail: { seconds } });
        tx.log(ROOM, "node:drain", { run, seconds });
      });
    },
    async close(who, id) {
      const [on = "", number] = id.split("-");
      const { run } = requireNode(on);
      await transaction({ actor: who.caller.userId, reason: "close" }, async (tx) => {
        await recordAudit(tx.sql, who, { action: "connection:closed", subject: `connection:${id}` });
        tx.log(ROOM, "connection:close", { run, connection: Number(number) });
      });
    },
  };
}
