import type { CloseReason } from "../../../protocol/codes.ts";
import type { Caller, UserCaller } from "../../platform/caller.ts";
import type { HubLimits } from "../deps.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { LongResponses } from "./long-responses.ts";
import { getReconnectWindow } from "./reconnect-window.ts";
import type { UserConnections } from "./user-connections.ts";

/** Ends connections and long responses of this node, by caller or address. */
export class ConnectionCloser {
  readonly #connections: ConnectionRegistry;
  readonly #userConnections: UserConnections;
  readonly #heartbeat: Heartbeat;
  readonly #longResponses: LongResponses;
  readonly #limits: HubLimits;

  constructor(
    connections: ConnectionRegistry,
    userConnections: UserConnections,
    heartbeat: Heartbeat,
    longResponses: LongResponses,
    limits: HubLimits,
  ) {
    this.#limits = limits;
    this.#connections = connections;
    this.#userConnections = userConnections;
    this.#heartbeat = heartbeat;
    this.#longResponses = longResponses;
  }

  closeSession(sessionId: string, reason: CloseReason): void {
    this.#longResponses.endSession(sessionId, reason);
    for (const connection of [...this.#connections.open]) {
      if (connection.caller.kind === "user" && connection.caller.sessionId === sessionId)
        this.#heartbeat.close(connection, reason);
    }
  }

  /** Those of a person whose callers match. */
  closeUser(userId: string, reason: CloseReason, matches: (caller: UserCaller) => boolean): void {
    this.#longResponses.endUser(userId, reason, matches);
    for (const connection of this.#userConnections.get(userId)) {
      const { caller } = connection;
      if (caller.kind === "user" && matches(caller)) this.#heartbeat.close(connection, reason);
    }
  }

  closeConnection(id: number, reason: CloseReason): void {
    const connection = this.#connections.find(id);
    if (connection !== undefined) this.#heartbeat.close(connection, reason);
  }

  /** Those whose address, in the form of `addressKey`, matches. */
  closeFrom(matches: (address: string) => boolean, reason: CloseReason): void {
    this.#longResponses.endFrom(matches, reason);
    for (const connection of [...this.#connections.open])
      if (matches(connection.address)) this.#heartbeat.close(connection, reason);
  }

  /** Those for whose callers `ends` is true. */
  closeWhere(ends: (caller: Caller) => boolean, reason: CloseReason): void {
    this.#longResponses.endWhere(ends, reason);
    for (const connection of [...this.#connections.open])
      if (ends(connection.caller)) this.#heartbeat.close(connection, reason);
  }

  /** All, on all nodes at once: clients are asked to reconnect over a window in which the nodes can accept them. */
  closeAll(reason: CloseReason): void {
    this.#longResponses.endAll(reason);
    const { open } = this.#connections;
    const windowMs = getReconnectWindow(open.length, this.#limits.handshakes);
    for (const connection of [...open]) this.#heartbeat.close(connection, reason, windowMs);
  }
}
