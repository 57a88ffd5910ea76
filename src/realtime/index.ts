import type { CloseReason, Code } from "../../protocol/codes.ts";
import type { CommandPayload, CommandType, FramePayload, FrameType } from "../../protocol/frames.ts";
import type { RoomKind } from "../../protocol/rooms.ts";
import type { Caller, ServiceCaller, UserCaller } from "../platform/caller.ts";
import type { LogEntry } from "../platform/log/entry.ts";

/** What the other modules may call of the hub. One per node; made by `createHub` in hub.ts. */
export interface Realtime {
  /** Shows committed entries to whoever is in their rooms. Any order, repeats allowed: each room publishes seq by seq. */
  publish(entries: readonly LogEntry[]): void;
  /** Sends a frame that is not kept (typing, read marks) to a room; `except` leaves out one person's connections. */
  publishEphemeral<T extends FrameType>(room: string, type: T, payload: FramePayload<T>, except?: string): void;
  /** The same for what a service says: `payload` is JSON text, and goes out as it is. */
  publishText(room: string, type: string, payload: string, except?: string): void;
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
  /** The same for a person's connections and long responses, or those of them whose callers match. */
  closeUser(userId: string, reason: CloseReason, matches?: (caller: UserCaller) => boolean): void;
  /** Closes one connection of this node, by its number (the end of its id); none may have it. */
  closeConnection(id: number, reason: CloseReason): void;
  /** Closes the connections on this node whose address `matches`: as `addressKey` says, so of IPv6 its /64. */
  closeFrom(matches: (address: string) => boolean, reason: CloseReason): void;
  /** Closes what callers have open on this node of whom `ends` says so: they may not have it any more. */
  closeWhere(ends: (caller: Caller) => boolean, reason: CloseReason): void;
  /** The connections that a service has open on this node end at this time (Unix ms): its token was revoked or rotated. */
  endService(tokenId: string, at: number): void;
  /**
   * Who is in a room now, on all nodes: for whoever may join it, and for a service with the scope `presence`. Throws `not_found`
   * also for a room without a list of members, `forbidden`, `unauthenticated`, `unavailable` while it cannot be read.
   */
  presence(caller: Caller, room: string): Promise<FramePayload<"room:presence">>;
  /** What a person says on the connections that they have open on this node comes under this name and role from now on. */
  updateUser(userId: string, person: Pick<UserCaller, "username" | "role">): void;
  /** Who has a connection or a long response open on this node: a caller for each. */
  callers(): UserCaller[];
  /**
   * Follows an internal room: its name begins with `_`, nobody can join it, and each node sees its entries. It is how a change
   * on one node (a session ended, a token revoked, a setting changed) reaches all the others, whatever happens to the broker.
   */
  watch(room: InternalRoom, watcher: Watcher): void;
  /** What all nodes know together. */
  readonly cluster: Cluster;
  /** Tells of the frames of one person or room as they go, on all nodes. Returns what ends it. Throws `rate_limited`. */
  traceFrames(target: TraceTarget, onFrames: (lines: readonly TracedFrame[], leftOut: number) => void): () => void;
  /**
   * For an answer that goes on for a while and is no connection: its signal is aborted, with an AppError as the reason, when the
   * caller's session or token ends, the person or the address is banned, or `allows` says no after a change of role. Throws the
   * same when that has happened already. `end` it when it is over.
   */
  beginLongResponse(request: LongResponseOptions): LongResponse;
  /**
   * Says `system:bye` with a spread of delays to all, then closes them in waves over `ms`. Resolves when nobody is left.
   * New connections are refused from the first moment.
   */
  drain(ms: number): Promise<void>;
}

/** An answer that is about to begin. */
export interface LongResponseOptions {
  caller: UserCaller | ServiceCaller;
  /** As text, or as `addressKey` says; null: not known. */
  address: string | null;
  /** Whether a caller with this role may have the answer. Left out: every caller. */
  allows?: (caller: UserCaller | ServiceCaller) => boolean;
}

/** An answer that goes on. */
export interface LongResponse {
  readonly signal: AbortSignal;
  end(): void;
}

/** One of the two. */
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
  countConnections(userIds: readonly string[]): Promise<KeyCounts>;
  /** Connections in each of these rooms; `all` and `user:<id>` too. */
  countMembers(rooms: readonly string[]): Promise<KeyCounts>;
  /** The connections in one room, by who they are. */
  getAudience(room: string): Promise<Audience>;
  getStats(): Promise<ClusterStats>;
  /** A page of the open connections, in the order of node and number. */
  listConnections(query: ConnectionQuery): Promise<ConnectionPage>;
  /**
   * Whether a client answers a frame whose payload carries this `ack_id` within `ms`. Ask before the frame is sent, and make the
   * id one that nobody can guess. With `userId` only that person's word counts.
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

export interface Watcher {
  /** Every entry at least once, this node's own too; repeats and another order are possible, so do what is right to do twice. */
  entry(entry: LogEntry): void;
  /**
   * Entries may have been missed (the database was away for long): forget what was remembered and read the state anew. Called
   * again when it fails.
   */
  interrupted(): void | Promise<void>;
}

/** One person, or, when the room has ended, every person in it. */
export type Expelled = { userId: string } | "everybody";

export interface RoomPolicy {
  /** Resolves when the caller may join; throws AppError (`not_found`, `forbidden`, `unauthenticated`) when not. */
  authorize(caller: Caller, room: string): Promise<void>;
  /**
   * The same for many at once: null or the refusal, in the order of `requests`. With it a storm of resumes costs a query per
   * thousand rooms instead of one each. Throwing refuses nobody: the commands are answered as failed.
   */
  authorizeMany?(requests: readonly RoomAccessRequest[]): Promise<(Code | null)[]>;
  /**
   * Whom this entry takes out of its room; null: nobody. Asked of every entry when it is shown, from the commit of this node or
   * from the log: after it they see nothing more. Where entries were passed over, a policy with this method is asked for everybody's
   * rights again.
   */
  findExpelled?(entry: LogEntry): Expelled | null;
  /** These rooms have a list of members: who of them is here now can be seen. */
  hasMembers?: boolean;
}

export interface RoomAccessRequest {
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
