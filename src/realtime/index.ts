import type { CloseReason, Code } from "../../protocol/codes.ts";
import type { CommandPayload, CommandType, FramePayload, FrameType } from "../../protocol/frames.ts";
import type { RoomKind } from "../../protocol/rooms.ts";
import type { Caller, ServiceCaller, UserCaller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import type { LogEntry } from "../platform/log/entry.ts";
import type { LogReader } from "../platform/log/reader.ts";
import type { Tracing } from "../platform/tracing.ts";
import type { Broker } from "./broker/broker.ts";
import type { PresenceStore } from "./presence/presence.ts";
import type { PresenceTimes } from "./presence/times.ts";

export { type FrameHead, headOf } from "./encode.ts";

/** What the other modules may call of the hub. One per node; made by `createHub` in hub.ts. */
export interface Realtime {
  /** Shows committed entries to whoever is in their rooms. Any order, repeats allowed: each room publishes seq by seq. */
  publish(entries: readonly LogEntry[]): void;
  /** Sends a frame that is not kept (typing, read marks) to a room; `except` leaves out one person's connections. */
  publishEphemeral<T extends FrameType>(room: string, type: T, payload: FramePayload<T>, except?: string): void;
  /** Who may join rooms of this kind is asked of the module that owns the prefix, at every join. */
  registerRooms(kind: RoomKind, policy: RoomPolicy): void;
  /** The same question for whoever reads a room without joining it. Throws AppError when the caller may not join. */
  authorize(caller: Caller, room: string): Promise<void>;
  /** A command's payload is checked against `COMMANDS[type]` before the handler sees it. The answer is the ack's payload. */
  registerCommand<T extends CommandType>(type: T, handler: CommandHandler<T>): void;
  /** Takes all connections of a person out of a room, in this tick; they get `room:left` with code FORBIDDEN. */
  expel(room: string, userId: string): void;
  /** Says `system:bye` and closes. Used at logout, revoke, ban, expiry. */
  closeSession(sessionId: string, reason: CloseReason): void;
  closeUser(userId: string, reason: CloseReason, exceptSessionId?: string): void;
  /** Closes one connection of this node, by its number (the end of its id); none may have it. */
  closeConnection(id: number, reason: CloseReason): void;
  /** Closes the connections on this node whose address `matches`: as `addressKey` says, so of IPv6 its /64. */
  closeFrom(matches: (address: string) => boolean, reason: CloseReason): void;
  /** The connections that a service has open on this node end at this time (Unix ms): its token was revoked or rotated. */
  endService(tokenId: string, at: number): void;
  /**
   * Who is in a room now, on all nodes: for whoever may join it, and for a service with the scope `presence`. Throws `not_found`
   * also for a room without a list of members, `forbidden`, `unauthenticated`, `unavailable` while it cannot be read.
   */
  presence(caller: Caller, room: string): Promise<FramePayload<"room:presence">>;
  /** What a person says on the connections that he has open on this node comes under this name and role from now on. */
  updateUser(userId: string, person: Pick<UserCaller, "username" | "role">): void;
  /** Who has a connection open on this node: a caller for each connection. */
  callers(): UserCaller[];
  /**
   * Follows an internal room: its name begins with `_`, nobody can join it, and each node sees its entries. It is how a change
   * on one node (a session ended, a token revoked, a setting changed) reaches all the others, whatever happens to the broker.
   */
  watch(room: InternalRoom, watcher: Watcher): void;
}

/** One of the two. */
export interface TapTarget {
  room?: string | undefined;
  userId?: string | undefined;
}

/** A frame as an admin sees it. */
export interface Tapped {
  at: string;
  direction: "in" | "out";
  /** Null: it was for all who are in the room, `connections` on that node. */
  connection_id: string | null;
  user_id: string | null;
  room: string | null;
  seq: number | null;
  type: string;
  bytes: number;
  connections: number;
  /** Its beginning, without secrets; null: it cannot be read. */
  text: string | null;
}

export type InternalRoom = `_${string}`;

/**
 * What all living nodes know together. Every answer may be `partial`: some living node did not say in time (250 ms), and its
 * part is missing. Asks of about two milliseconds travel in one question. Never rejects.
 */
export interface Cluster {
  /** Open connections of each of these people. */
  connectionsOf(userIds: readonly string[]): Promise<Counted>;
  /** Connections in each of these rooms; `all` and `user:<id>` too. */
  membersOf(rooms: readonly string[]): Promise<Counted>;
  /** The connections in one room, by who they are. */
  audienceOf(room: string): Promise<Audience>;
  stats(): Promise<ClusterStats>;
  /** A page of the open connections, in the order of node and number. */
  connections(query: ConnectionQuery): Promise<ConnectionPage>;
  /**
   * Whether a client answers a frame whose payload carries this `ack_id` within `ms`. Ask before the frame is sent, and make the
   * id one that nobody can guess. With `userId` only that person's word counts.
   */
  acked(ackId: string, ms: number, userId?: string): Promise<boolean>;
}

/** One number for each key that was asked for, 0 where there is nothing. */
export interface Counted {
  counts: Map<string, number>;
  partial: boolean;
}

export interface Audience {
  total: number;
  authenticated: number;
  partial: boolean;
}

export interface ClusterStats {
  /** By number. */
  nodes: NodeStats[];
  partial: boolean;
}

export interface NodeStats {
  node: number;
  /** Unix ms. */
  started_at: number;
  connections: number;
  authenticated: number;
  anonymous: number;
  /** Places taken in rooms of each kind. */
  places: Record<RoomKind, number>;
  /** Rooms with members, and the hundred with the most. */
  room_count: number;
  rooms: { name: string; members: number }[];
  /** Frames handed to sockets, and taken from them, since the start. */
  sent: number;
  received: number;
}

export interface ConnectionQuery {
  userId?: string;
  room?: string;
  /** On this node only. */
  node?: number;
  /** At most 1,000. */
  limit: number;
  /** The id of the last connection of the page before. */
  after?: string;
}

export interface ConnectionPage {
  data: ConnectionInfo[];
  /** For the next page's `after`; null: this was the last one. */
  next: string | null;
  partial: boolean;
}

export interface ConnectionInfo {
  /** As `system:connected` tells it: node and number. */
  id: string;
  user_id: string | null;
  username: string | null;
  session_id: string | null;
  /** Of an IPv6 address its /64. */
  address: string;
  /** Unix ms. */
  opened_at: number;
  /** The first hundred of `room_count`; its own and `all` are not among them. */
  rooms: string[];
  room_count: number;
}

/** The same about this node alone, at once. */
export interface Census {
  /** Those that have any. */
  connectionsOf(userIds: readonly string[]): [string, number][];
  membersOf(rooms: readonly string[]): [string, number][];
  /** Connections that count for these keys of admission.ts. */
  held(keys: readonly string[]): [string, number][];
  audienceOf(room: string): Omit<Audience, "partial">;
  stats(): NodeStats;
  list(query: ConnectionQuery): ConnectionInfo[];
}

export interface Watcher {
  /** Every entry at least once, this node's own too; repeats and another order are possible, so do what is right to do twice. */
  entry(entry: LogEntry): void;
  /**
   * Entries may have been missed (the database was away for long): forget what was remembered and read the state anew. Called
   * again when it fails.
   */
  interrupted(): void | Promise<void>;
}

export interface RoomPolicy {
  /** Resolves when the caller may join; throws AppError (`not_found`, `forbidden`, `unauthenticated`) when not. */
  authorize(caller: Caller, room: string): Promise<void>;
  /**
   * The same for many at once: null or the refusal, in the order of `asks`. With it a storm of resumes costs a query per
   * thousand rooms instead of one each. Throwing refuses nobody: the commands are answered as failed.
   */
  authorizeMany?(asks: readonly JoinAsk[]): Promise<(Code | null)[]>;
  /**
   * Whom this entry takes out of its room; null: nobody. Asked of every entry when it is shown: behind it that person sees
   * nothing more, whoever brought it (the commit of this node, the log).
   */
  expels?(entry: LogEntry): string | null;
  /** These rooms have a list of members: who of them is here now can be seen. */
  hasMembers?: boolean;
}

export interface JoinAsk {
  caller: Caller;
  room: string;
}

/**
 * Runs for one connection at a time, in the order the frames came. `accepted` may be called early: then the next frame
 * of this connection is taken although this answer is still being written (a post that is queued is done, for the order).
 */
export type CommandHandler<T extends CommandType> = (command: {
  caller: Caller;
  payload: CommandPayload<T>;
  accepted: () => void;
}) => Promise<Record<string, unknown> | undefined>;

/** The hub as app.ts and the WebSocket transport see it. */
export interface Hub extends Realtime {
  /** The transport's server, once it listens: all rooms' frames go out through `publish`. */
  start(broadcast: Broadcast): void;
  /** Another node has committed this entry and could not bring it: it is read from the log, when somebody here is in its room. */
  announce(room: string, seq: number): void;
  /** Another life of the database: all positions are void. Every connection is closed and comes back. */
  changeEpoch(epoch: string): void;
  /** This node has lost its number and has another: connections are told and listed under it. */
  renumber(node: string): void;
  /** After a time in which the tail of the log was deaf: finds what no publish and no tail brought. */
  compareHeads(): Promise<void>;
  /**
   * Says `system:bye` with a spread of delays to all, then closes them in waves over `ms`. Resolves when nobody is left.
   * New connections are refused from the first moment (`draining`).
   */
  drain(ms: number): Promise<void>;
  /** Stops the timers, and says to the other nodes that this one goes. */
  stop(): Promise<void>;
  readonly draining: boolean;
  counts(): HubCounts;
  /** Whether the store of presence answers, and how many rooms' lists somebody on this node watches. */
  presenceHealth(): { up: boolean; watched: number };
  /** What all nodes know together. */
  readonly cluster: Cluster;
  /** Tells of the frames of one person or room as they go, on all nodes. Returns what ends it. Throws `rate_limited`. */
  tap(target: TapTarget, tell: (lines: readonly Tapped[], leftOut: number) => void): () => void;

  /**
   * For the transport. `connect` makes the state of a connection, to be opened in the same tick, or throws `rate_limited`;
   * the others pass on what happens to its socket. `address`: whose requests count together, as `addressKey` says.
   */
  connect(caller: Caller, address: string): Connection;
  /** Awaited right before `connect`: asks the other nodes how many connections the caller has there, where that may matter. */
  prepare(caller: Caller, address: string): Promise<void>;
  opened(connection: Connection, socket: Socket): void;
  received(connection: Connection, frame: string | Uint8Array): void;
  ponged(connection: Connection): void;
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

/** Connections now. `rooms`: how many places in rooms of each kind are taken. */
export interface HubCounts {
  connections: number;
  authenticated: number;
  anonymous: number;
  rooms: Readonly<Record<RoomKind, number>>;
}

/** What the hub asks of the house; plugged in app.ts. */
export interface HubDeps {
  authenticate: Authenticate;
  log: LogReader;
  /** Which life of the database it is at the start; later ones by `changeEpoch`. */
  epoch: string;
  /** Number of this node at the start, as `system:connected` tells it; a later one by `renumber`. */
  node: string;
  /** How the other nodes are reached. Left out: this node is alone. */
  broker?: Broker;
  /** How many nodes live, this one too. Left out: this one. */
  nodes?: () => number;
  /** Where the nodes keep who is in which room. Left out: this node is alone. */
  presence?: PresenceStore;
  presenceTimes?: PresenceTimes;
  clock: Clock;
  metrics: HubMetrics;
  /** Left out: nothing is traced. */
  tracing?: Tracing;
  logger: HubLogger;
  limits: HubLimits;
}

/** Who asks. Plugged by identity. No token ever reaches a log. */
export interface Authenticate {
  /** Throws AppError `unauthenticated`, `banned`, or `forbidden` (a service without the scope `subscribe`) when the token is not good. */
  token(token: string): Promise<UserCaller | ServiceCaller>;
  /** The person of a Cookie header; null when it has no session. Throws like `token` when the session has ended. */
  cookie(header: string): Promise<UserCaller | null>;
  /**
   * False when the session ended, the person was banned, or the service's token revoked, after the caller was made. Asked in the
   * tick the socket opens.
   */
  isCurrent(caller: UserCaller | ServiceCaller): boolean;
  /**
   * Whether nothing from this address is to be answered: every door asks before anything else, and the hub in the tick in which
   * a connection is made. As text, or as `addressKey` says. Left out: no address is banned.
   */
  isBanned?(address: string): boolean;
}

/** The hub's counters. A type or code that a client invented is counted as "other". */
export interface HubMetrics {
  /** Frames handed to sockets: `connections` is how many got this one. */
  sent(type: string, connections: number): void;
  received(type: string): void;
  error(code: string): void;
  /** Joins and resumes with a position, per room. */
  recovery(outcome: "recovered" | "reset" | "refused"): void;
  /** Entries that did not come by publish and were read from the log. */
  filled(entries: number): void;
  closed(reason: CloseReason): void;
}

export interface HubLogger {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface HubLimits {
  /** ms. */
  pingInterval: number;
  /** ms without a sign of life after which a connection is closed. */
  pongTimeout: number;
  /** Bytes of one inbound frame. */
  maxFrame: number;
  /** Inbound frames per second and connection, in the long run; `burst` at once. */
  rate: number;
  burst: number;
  /** Inbound bytes per second and connection, in the long run: a frame of more than its part weighs as several. */
  bytes: number;
  /** Inbound frames per second of all connections of one person, and of all anonymous ones of one address, on all nodes. */
  framesPerPerson: number;
  framesPerAddress: number;
  roomsPerConnection: number;
  /** Open connections of one person, or one service token, on all nodes. */
  socketsPerPerson: number;
  /** Open connections that came from one address without saying who they are, on all nodes. */
  anonymousPerAddress: number;
}
