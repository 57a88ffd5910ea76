import type { CloseReason, Code } from "../../protocol/codes.ts";
import type { CommandPayload, CommandType, FramePayload, FrameType } from "../../protocol/frames.ts";
import type { RoomKind } from "../../protocol/rooms.ts";
import type { Caller, ServiceCaller, UserCaller } from "../platform/caller.ts";
import type { LogEntry } from "../platform/log/entry.ts";

/** What the other modules may call of the hub. One per node; made by `createHub` in hub.ts. */
export interface Realtime {
  /** Publishes committed entries to the members of their rooms. Any order, repeats allowed: each room publishes seq by seq. */
  publish(entries: readonly LogEntry[]): void;
  /** Sends a frame that is not stored (typing, read marks) to a room; `except` leaves out one person's connections. */
  publishEphemeral<T extends FrameType>(room: string, type: T, payload: FramePayload<T>, except?: string): void;
  /** The same for a service's broadcast: `payload` is JSON text, and is sent unchanged. */
  publishText(room: string, type: string, payload: string, except?: string): void;
  /** Registers the module that decides, at every join, who may join rooms of this kind. */
  registerRooms(kind: RoomKind, policy: RoomPolicy): void;
  /** The same check for a caller that reads a room without joining it. Throws AppError when the caller may not join. */
  authorize(caller: Caller, room: string): Promise<void>;
  /** A command's payload is checked against `COMMANDS[type]` before the handler gets it. The handler returns the ack's payload. */
  registerCommand<T extends CommandType>(type: T, handler: CommandHandler<T>): void;
  /** Sends `system:bye` and closes. Used at logout, revoke, ban, expiry. */
  closeSession(sessionId: string, reason: CloseReason): void;
  /** The same for a person's connections and long responses, or those of them whose callers match. */
  closeUser(userId: string, reason: CloseReason, matches?: (caller: UserCaller) => boolean): void;
  /** Closes one connection of this node, by its number (the end of its id); nothing happens when there is none. */
  closeConnection(id: number, reason: CloseReason): void;
  /** Closes the connections on this node whose address `matches`, in the form of `addressKey`: of IPv6 the /64. */
  closeFrom(matches: (address: string) => boolean, reason: CloseReason): void;
  /** Closes the connections and long responses of callers for whom `ends` is true: they have lost the right to them. */
  closeWhere(ends: (caller: Caller) => boolean, reason: CloseReason): void;
  /** The connections that a service has open on this node end at this time (Unix ms): its token was revoked or rotated. */
  endService(tokenId: string, at: number): void;
  /**
   * Who is in a room now, on all nodes: for a caller who may join it, and for a service with the scope `presence`. Throws `not_found`
   * also for a room without a list of members, `forbidden`, `unauthenticated`, `unavailable` while it cannot be read.
   */
  presence(caller: Caller, room: string): Promise<FramePayload<"room:presence">>;
  /** Changes the name and role on a person's open connections of this node. */
  updateUser(userId: string, person: Pick<UserCaller, "username" | "role">): void;
  /** The callers of the open connections and long responses of this node, one for each. */
  callers(): UserCaller[];
  /**
   * Follows an internal room: its name begins with `_`, no client can join it, and each node gets its entries. It is how a change
   * on one node (a session ended, a token revoked, a setting changed) reaches all the others, even when the broker fails.
   */
  watch(room: InternalRoom, watcher: Watcher): void;
  /** Queries to all nodes. */
  readonly cluster: Cluster;
  /** Traces the frames of one person or room, on all nodes. Returns a function that ends the trace. Throws `rate_limited`. */
  traceFrames(target: TraceTarget, onFrames: (lines: readonly TracedFrame[], leftOut: number) => void): () => void;
  /**
   * Registers a long response: its signal is aborted, with an AppError as the reason, when the caller's session or token ends,
   * the person or the address is banned, or `allows` returns false after a change of role. Throws the same when that has
   * happened already. Call `end` when it is over.
   */
  beginLongResponse(request: LongResponseOptions): LongResponse;
  /**
   * Sends `system:bye` with a reconnect window to all, then closes them in waves over `ms`. Resolves when none is left.
   * New connections are refused from the start.
   */
  drain(ms: number): Promise<void>;
}

/** A long response that is about to begin. */
export interface LongResponseOptions {
  caller: UserCaller | ServiceCaller;
  /** As text, or in the form of `addressKey`; null: not known. */
  address: string | null;
  /** Whether a caller with this role may have the response. Left out: every caller. */
  allows?: (caller: UserCaller | ServiceCaller) => boolean;
}

/** A long response that is under way. */
export interface LongResponse {
  readonly signal: AbortSignal;
  end(): void;
}

/** Exactly one of the two is set. */
export interface TraceTarget {
  room?: string | undefined;
  userId?: string | undefined;
}

/** A frame as an admin sees it. */
export interface TracedFrame {
  at: string;
  /** The number of the node that it came to or went from. */
  node: string;
  direction: "in" | "out";
  /** Null: it was for all members of the room, `connections` on that node. */
  connection_id: string | null;
  user_id: string | null;
  room: string | null;
  seq: number | null;
  type: string;
  bytes: number;
  connections: number;
  /** Its first characters, without secrets; null: it cannot be parsed. */
  text: string | null;
}

export type InternalRoom = `_${string}`;

/**
 * Queries to all live nodes. Every result may be `partial`: some live node did not reply in time (250 ms), and its part is
 * missing. Calls within about two milliseconds go in one request. Never rejects.
 */
export interface Cluster {
  /** Open connections of each of these people. */
  countConnections(userIds: readonly string[]): Promise<KeyCounts>;
  /** Connections in each of these rooms; `all` and `user:<id>` too. */
  countMembers(rooms: readonly string[]): Promise<KeyCounts>;
  /** The connections in one room: all, and those that are authenticated. */
  getAudience(room: string): Promise<Audience>;
  getStats(): Promise<ClusterStats>;
  /** A page of the open connections, in the order of node and number. */
  listConnections(query: ConnectionQuery): Promise<ConnectionPage>;
  /**
   * Whether a client acknowledges a frame whose payload has this `ack_id` within `ms`. Call it before the frame is sent, with
   * an id that cannot be guessed. With `userId` only that person's acknowledgement counts.
   */
  waitForAck(ackId: string, ms: number, userId?: string): Promise<boolean>;
}

/** One number for each key that was asked for, 0 where there is nothing. */
export interface KeyCounts {
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
  /** Memberships in rooms of each kind. */
  places: Record<RoomKind, number>;
  /** Number of rooms with members, and the hundred largest. */
  room_count: number;
  rooms: { name: string; members: number }[];
  /** Frames sent and received since the start. */
  sent: number;
  received: number;
}

export interface ConnectionQuery {
  userId?: string;
  room?: string;
  /** On this node only. */
  node?: number;
  /** Up to 1,000. */
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
  /** As in `system:connected`: node and number. */
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

export interface Watcher {
  /** Every entry at least once, this node's own too; repeats and another order are possible, so it must be idempotent. */
  entry(entry: LogEntry): void;
  /**
   * Entries may have been missed (the database was away for long): drop what is cached and read the state again. Called again
   * when it fails.
   */
  interrupted(): void | Promise<void>;
}

/** One person, or, when the room has ended, every person in it. */
export type Expelled = { userId: string } | "everyone";

export interface RoomPolicy {
  /** Resolves when the caller may join; throws AppError (`not_found`, `forbidden`, `unauthenticated`) when not. */
  authorize(caller: Caller, room: string): Promise<void>;
  /**
   * The same for many at once: null or the refusal, in the order of `requests`. With it a storm of resumes costs a query per
   * thousand rooms instead of one each. When it throws, no one is refused: the commands fail.
   */
  authorizeMany?(requests: readonly RoomAccessRequest[]): Promise<(Code | null)[]>;
  /**
   * The person that this entry removes from its room; null: no one. Called for every entry when it is published, from the commit
   * of this node or from the log: after it they get `room:left` and nothing more. No other way removes people from a room. Where entries were skipped, a policy with this method is asked
   * for the rights of all members again.
   */
  findExpelled?(entry: LogEntry): Expelled | null;
  /** These rooms have a list of members, of whom the present ones can be seen. */
  hasMembers?: boolean;
}

export interface RoomAccessRequest {
  caller: Caller;
  room: string;
}

/**
 * Runs for one connection at a time, in the order of its frames. `accepted` may be called early: then the next frame of this
 * connection is handled although this command is not finished (a post that is queued has its position already).
 */
export type CommandHandler<T extends CommandType> = (command: {
  caller: Caller;
  payload: CommandPayload<T>;
  accepted: () => void;
}) => Promise<Record<string, unknown> | undefined>;
