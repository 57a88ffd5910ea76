import type { Caller } from "../../platform/caller.ts";
import type { Clock } from "../../platform/clock.ts";
import { AppError } from "../../platform/errors.ts";
import type { HubLimits } from "../deps.ts";
import type { Admission } from "../limits/admission.ts";
import type { RoomRegistry } from "../rooms/room-registry.ts";
import type { Authenticate, Socket } from "../transport.ts";
import { Connection } from "./connection.ts";
import type { ConnectionCloser } from "./connection-closer.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";
import { encode } from "./encode-frame.ts";
import type { FrameSender } from "./frame-sender.ts";

export interface ConnectionLifecycleDeps {
  connections: ConnectionRegistry;
  rooms: RoomRegistry;
  admission: Admission;
  authenticate: Authenticate;
  closer: ConnectionCloser;
  sender: FrameSender;
  clock: Clock;
  limits: HubLimits;
  self: NodeState;
}

/** The state of this node that frames report; all of it may change. */
export interface NodeState {
  /** Its number. */
  node: string;
  /** The epoch of the database that it serves. */
  epoch: string;
  draining: boolean;
}

/** A connection from its handshake to its end: admitted, greeted, signed in, closed (SPEC CN). */
export class ConnectionLifecycle {
  readonly #deps: ConnectionLifecycleDeps;
  #lastId = 0;

  constructor(deps: ConnectionLifecycleDeps) {
    this.#deps = deps;
  }

  /** Throws `banned`, `rate_limited`. */
  readonly connect = (caller: Caller, address: string): Connection => {
    const { authenticate, admission, limits, clock } = this.#deps;
    if (authenticate.isBanned?.(address)) throw new AppError("banned", "This address is banned.");
    const source = admission.admit(caller, address);
    const connection = new Connection(++this.#lastId, caller, performance.now(), limits.burst);
    connection.source = source;
    connection.address = address;
    connection.openedAt = clock.now();
    return connection;
  };

  readonly opened = (connection: Connection, socket: Socket): void => {
    const { connections, admission, authenticate, closer, self } = this.#deps;
    const { caller } = connection;
    connections.add(connection, socket);
    admission.opened(connection);
    if (self.draining) closer.close(connection, "draining");
    else if (caller.kind !== "anonymous" && !authenticate.isCurrent(caller)) closer.close(connection, "signed_out");
    else this.#greet(connection);
  };

  /** Throws `rate_limited` when the person of an anonymous connection has too many. */
  signIn(connection: Connection, caller: Caller): void {
    const wasAnonymous = connection.caller.kind === "anonymous";
    if (wasAnonymous) this.#deps.admission.admit(caller, "");
    connection.caller = caller;
    if (wasAnonymous) this.#deps.connections.countIdentified(connection);
  }

  /** The socket has sent something. */
  readonly drained = (connection: Connection): void => connection.notifyDrained();

  readonly closed = (connection: Connection): void => {
    if (connection.socket === null) return;
    this.#deps.connections.remove(connection);
    connection.inboundQueue?.clear();
    this.#deps.admission.closed(connection);
    this.#deps.rooms.leaveAll(connection);
    connection.notifyDrained();
  };

  #greet(connection: Connection): void {
    const { sender, clock, limits, self } = this.#deps;
    const { caller } = connection;
    const payload = {
      connection_id: `${self.node}-${connection.id}`,
      server_time: new Date(clock.now()).toISOString(),
      user_id: caller.kind === "user" ? caller.userId : null,
      ping_interval: limits.pingInterval,
      max_frame: limits.maxFrame,
      node: self.node,
      epoch: self.epoch,
    };
    sender.send(connection, "system:connected", encode("system:connected", payload));
  }
}
