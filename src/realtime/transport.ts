import type { RoomKind } from "../../protocol/rooms.ts";
import type { Caller, ServiceCaller, UserCaller } from "../platform/caller.ts";
import type { Realtime } from "./index.ts";

export { extractPayload, parseFrameHead } from "./connections/encode-frame.ts";

/** The hub as the transports (WebSocket, streams) and app.ts see it. One per node; made by `createHub` in hub.ts. */
export interface Hub extends Realtime {
  /** Called once the servers listen: all rooms' frames are sent through each of these. */
  start(...broadcasts: readonly Broadcast[]): void;
  /** Another node has committed this entry, too big for the broker: it is read from the log if its room has members here. */
  announce(room: string, seq: number): void;
  /** Whether a member on this node has not been sent this entry yet. */
  isAwaiting(room: string, seq: number): boolean;
  /** Whether `publish` would do anything with this entry. */
  needs(room: string, seq: number): boolean;
  /** Another life of the database: all positions are void. Every connection is closed and reconnects. */
  changeEpoch(epoch: string): void;
  /** This node has lost its number and has another: connections are reported and listed under it. */
  renumber(node: string): void;
  /** After a time in which the log tail was not working: finds what neither publish nor the tail brought. */
  compareHeads(): Promise<void>;
  /** Stops the timers, and lets the other nodes know that this one stops. */
  stop(): Promise<void>;
  readonly draining: boolean;
  counts(): HubCounts;
  /** Whether the presence store works, and how many rooms' lists are watched on this node. */
  presenceHealth(): { up: boolean; watched: number };

  /**
   * For the transport. `connect` makes the state of a connection, to be opened in the same tick, or throws `rate_limited`;
   * the others report what happens to its socket. `address`: whose requests count together, in the form of `addressKey`.
   */
  connect(caller: Caller, address: string): Connection;
  /** Awaited right before `connect`: asks the other nodes how many connections the caller has there, where that may matter. */
  prepare(caller: Caller, address: string): Promise<void>;
  opened(connection: Connection, socket: Socket): void;
  received(connection: Connection, frame: string | Uint8Array): void;
  /**
   * For transports that parse their clients' frames themselves: counts one before it is parsed. False: it is too much, and the
   * connection is closed. The resulting command goes to `receiveCommand`, which does not count.
   */
  admitFrame(connection: Connection, frame: string | Uint8Array): boolean;
  receiveCommand(connection: Connection, frame: string): void;
  /** A ping or pong of a client: it counts as a frame does. */
  keepAlive(connection: Connection): void;
  /** The client of a stream is alive. */
  streamAlive(connection: Connection): void;
  drained(connection: Connection): void;
  closed(connection: Connection): void;
}

/** One socket's state; only the hub looks inside. */
export interface Connection {
  readonly id: number;
}

/** What the hub needs of a socket; Bun's ServerWebSocket is one as it stands, without a wrapper. */
export interface Socket {
  /** Bytes sent; -1: queued; 0: dropped, the socket is lost. */
  send(text: string): number;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Joins the writes of `work` into one. */
  cork(work: () => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  getBufferedAmount(): number;
}

/** Bun.Server's publish: to all sockets of a topic, batched within a turn of the event loop. -1 or 0: some socket does not keep up. */
export type Broadcast = (topic: string, text: string) => number;

/** Connections now. `rooms`: memberships in rooms of each kind. */
export interface HubCounts {
  connections: number;
  authenticated: number;
  anonymous: number;
  rooms: Readonly<Record<RoomKind, number>>;
}

/** Finds the caller of a request. Provided by identity. No token ever reaches a log. */
export interface Authenticate {
  /** Throws AppError `unauthenticated`, `banned`, or `forbidden` (a service without the scope `subscribe`) when the token is not valid. */
  token(token: string): Promise<UserCaller | ServiceCaller>;
  /** The person of a Cookie header; null when it has no session. Throws like `token` when the session has ended. */
  cookie(header: string): Promise<UserCaller | null>;
  /**
   * False when the session ended, the person was banned, or the service's token revoked, after the caller was made. Called in the
   * tick the socket opens.
   */
  isCurrent(caller: UserCaller | ServiceCaller): boolean;
  /**
   * Whether this address is banned: every transport checks it before anything else, and the hub in the tick in which a
   * connection is made. As text, or in the form of `addressKey`. Left out: no address is banned.
   */
  isBanned?(address: string): boolean;
}
