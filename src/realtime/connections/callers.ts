import type { CloseReason } from "../../../protocol/codes.ts";
import type { Caller, UserCaller } from "../../platform/caller.ts";
import type { HubLimits } from "../deps.ts";
import type { ConnectionCloser } from "./connection-closer.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";
import type { LongResponses } from "./long-responses.ts";
import { getReconnectWindow } from "./reconnect-window.ts";
import type { UserConnections } from "./user-connections.ts";

export interface CallersDeps {
  connections: ConnectionRegistry;
  userConnections: UserConnections;
  closer: ConnectionCloser;
  longResponses: LongResponses;
  limits: Pick<HubLimits, "handshakes">;
  /** A person has another name. */
  onRenamed: (userId: string) => void;
}

/**
 * The callers of this node's connections and long responses: what changes or ends for them. Closing sends `system:bye`.
 * What the methods promise stands in the interface `Realtime`.
 */
export class Callers {
  readonly #deps: CallersDeps;

  constructor(deps: CallersDeps) {
    this.#deps = deps;
  }

  readonly listUsers = (): UserCaller[] => [
    ...this.#deps.connections.getCallers(),
    ...this.#deps.longResponses.getCallers(),
  ];

  readonly updateUser = (userId: string, person: Pick<UserCaller, "username" | "role">): void => {
    this.#deps.connections.updateUser(userId, person);
    this.#deps.longResponses.updateUser(userId, person);
    this.#deps.onRenamed(userId);
  };

  readonly endService = (tokenId: string, at: number): void => {
    this.#deps.connections.endService(tokenId, at);
    this.#deps.longResponses.endService(tokenId, at);
  };

  readonly closeSession = (sessionId: string, reason: CloseReason): void => {
    const { connections, closer, longResponses } = this.#deps;
    longResponses.endSession(sessionId, reason);
    for (const connection of [...connections.open]) {
      if (connection.caller.kind === "user" && connection.caller.sessionId === sessionId)
        closer.close(connection, reason);
    }
  };

  readonly closeUser = (
    userId: string,
    reason: CloseReason,
    matches: (caller: UserCaller) => boolean = () => true,
  ): void => {
    const { userConnections, closer, longResponses } = this.#deps;
    longResponses.endUser(userId, reason, matches);
    for (const connection of userConnections.get(userId)) {
      const { caller } = connection;
      if (caller.kind === "user" && matches(caller)) closer.close(connection, reason);
    }
  };

  readonly closeConnection = (id: number, reason: CloseReason): void => {
    const connection = this.#deps.connections.find(id);
    if (connection !== undefined) this.#deps.closer.close(connection, reason);
  };

  readonly closeFrom = (matches: (address: string) => boolean, reason: CloseReason): void => {
    const { connections, closer, longResponses } = this.#deps;
    longResponses.endFrom(matches, reason);
    for (const connection of [...connections.open]) if (matches(connection.address)) closer.close(connection, reason);
  };

  readonly closeWhere = (ends: (caller: Caller) => boolean, reason: CloseReason): void => {
    const { connections, closer, longResponses } = this.#deps;
    longResponses.endWhere(ends, reason);
    for (const connection of [...connections.open]) if (ends(connection.caller)) closer.close(connection, reason);
  };

  /** All, on all nodes at once: clients are asked to reconnect over a window in which the nodes can accept them. */
  closeAll(reason: CloseReason): void {
    const { connections, closer, longResponses, limits } = this.#deps;
    longResponses.endAll(reason);
    const windowMs = getReconnectWindow(connections.open.length, limits.handshakes);
    for (const connection of [...connections.open]) closer.close(connection, reason, windowMs);
  }
}
