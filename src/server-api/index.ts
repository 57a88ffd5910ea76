import type { Booking, Payment, QueuePosition } from "../../protocol/notices.ts";
import type { IssuedSessions } from "../identity/index.ts";
import type { AuditActor } from "../platform/audit.ts";
import type { Caller, ServiceCaller, UserCaller } from "../platform/caller.ts";
import type { Api } from "../platform/http/api.ts";
import type { RateLimiter } from "../platform/http/rate-limiter.ts";
import type { Attempt } from "../platform/idempotency-keys.ts";
import type { JsonObject } from "../platform/json-object.ts";
import type { Publish } from "../platform/log/entry.ts";
import type { LogTail } from "../platform/log/tail.ts";
import type { Sql } from "../platform/postgres/sql.ts";
import type { Transaction } from "../platform/postgres/transaction.ts";
import type { Scope } from "../platform/scopes.ts";
import type { Cluster, Realtime } from "../realtime/index.ts";

/**
 * What the back ends of other teams may do, for every transport (REST, gRPC, the dialects). Each use case checks the scope of the
 * caller's token and its patterns of rooms: a notice goes to the room `user:<id>`. Errors are AppErrors: `forbidden`,
 * `invalid` with the fields, `rate_limited` …
 */
export interface ServerApi {
  notices: Notices;
  broadcasts: Broadcasts;
  stats: Stats;
  history: History;
  changes: Changes;
  tokens: ServiceTokens;
  callers: ServiceCallers;
  /** Where all transports count the requests of each token. */
  requests: RateLimiter;
  /** Mounts the REST routes. */
  routes(api: Api): void;
  /** Removes the notices to a person from the log. Call it when the person is erased. */
  erase(userId: string): Promise<void>;
  /** The notices of a user that are still stored. */
  exportUser(userId: string): Promise<Record<string, unknown>>;
  /** Ends all long polls, and later ones at once: this node is about to stop. */
  endLongPolls(): void;
  /** The same, and stores which tokens were used. */
  stop(): Promise<void>;
}

/** Who calls, by the token that they send. */
export interface ServiceCallers {
  /**
   * Whose service token this is: `ust_…`, or the text of GRPC_TOKEN. Throws `unauthenticated`.
   * Cached: a check for each call costs no query.
   */
  authenticate(token: string): Promise<ServiceCaller>;
  /** Whether a bearer token is for `authenticate` here, and not for identity. */
  isServiceToken(token: string): boolean;
  /** False when the token was revoked after `authenticate`. Check it in the tick in which a socket opens. */
  isCurrent(caller: ServiceCaller): boolean;
  /** The same without a query, from the cache; null: call `authenticate`. */
  findCached(token: string): ServiceCaller | null;
}

/** The dependencies of this module; wired in src/app/start-server-api.ts, where `createServerApi` of server-api.ts is called. */
export interface ServerApiDeps {
  sql: Sql;
  /** For batches, one at a time: a pool of one connection. */
  batchSql: Sql;
  transaction: Transaction;
  /** Publishes the entries of a batch, which does not go through `transaction`. */
  publish: Publish;
  /** Creates a Snowflake, as decimal text. */
  ids: { next(): string };
  realtime: Pick<Realtime, "publishText" | "authorize" | "presence" | "watch" | "endService" | "beginLongResponse">;
  /** The sessions made for people by tokens with the scope `tokens:issue`. */
  issuedSessions: IssuedSessions;
  cluster: Pick<
    Cluster,
    "countConnections" | "countMembers" | "getAudience" | "getStats" | "listConnections" | "waitForAck"
  >;
  tail: Pick<LogTail, "addConsumer">;
  /** A notice was delivered. */
  metrics: { notified(kind: "booking" | "queue" | "payment" | "notification"): void };
  /** GRPC_TOKEN: an additional token with all rights; null: there is none. */
  staticToken: string | null;
  /** Counts the requests of each token, for all transports. */
  requests: RateLimiter;
  /** The `source` of this server's events: its public URL. */
  source: string;
  /** ms that a response may wait for changes: it must leave before HTTP_WRITE_TIMEOUT. */
  maxWaitMs: number;
  /** Unix ms. */
  now: () => number;
  /** Called with failures in the background, which are retried. */
  onError: (error: unknown) => void;
}

/** A notice is for one user, on all devices: scope `notify`, room `user:<id>`. Stored in its log: a user who is offline gets it later, once. */
export interface Notices {
  /** `booking:confirmed` or `booking:failed`, by `success`. */
  notifyBooking(caller: Caller, result: BookingResult, options?: NoticeOptions): Promise<Delivery>;
  /** `payment:processing`, `payment:success`, `payment:failed`, `payment:refunded`, by `status`. */
  notifyPayment(caller: Caller, status: PaymentResult, options?: NoticeOptions): Promise<Delivery>;
  /** `booking:queue_position`; ephemeral: the next one replaces it. */
  notifyQueuePosition(caller: Caller, position: QueueNotice): Promise<Delivery>;
  /** Any type that is not reserved for the server. Payloads of bookings and payments are checked against their shapes. */
  send(caller: Caller, notice: Notice, options?: NoticeOptions & AckOptions): Promise<Delivery>;
}

export interface BookingResult extends Partial<Omit<Booking, "booking_id">> {
  user_id: string;
  booking_id: string;
  success: boolean;
}

export interface PaymentResult extends Partial<Omit<Payment, "booking_id" | "payment_id" | "status">> {
  user_id: string;
  booking_id: string;
  payment_id: string;
  status: Payment["status"];
}

export interface QueueNotice extends QueuePosition {
  user_id: string;
}

export interface Notice {
  user_id: string;
  event_type: string;
  /** Its text is passed on as it is. */
  payload: JsonObject;
}

export interface NoticeOptions {
  /** Only for connected clients: not stored. */
  ephemeral?: boolean | undefined;
  /** Of an Idempotency-Key: an entry is appended once. */
  attempt?: Attempt | undefined;
}

export interface AckOptions {
  /** Adds an `ack_id` to the payload and waits until a client acknowledges it. */
  requireAck?: boolean | undefined;
  /** ms to wait for that; the default and the maximum are 5,000. */
  ackTimeout?: number | undefined;
}

/** The result of a notice, counted over the whole cluster at the time of the call. */
export interface Delivery {
  /** At least one connection of the person received it now. */
  delivered: boolean;
  /** The person's open connections. */
  connections: number;
  /** A client acknowledged it; false without `requireAck`. */
  acked: boolean;
  /** It is in the user's log and reaches them when they come back. */
  stored: boolean;
  /** Some node did not respond in time: the counts may be too low. */
  partial: boolean;
}

export interface Broadcasts {
  /** To all in a room: scope `broadcast`. Stored in the room's log, unless a user is excluded, it is `ephemeral`, or the room is `all`. */
  send(caller: Caller, broadcast: Broadcast, attempt?: Attempt): Promise<{ recipients: number; partial: boolean }>;
}

export interface Broadcast {
  /** `event:1`; a name without a kind means `event:<name>`. */
  room: string;
  event_type: string;
  /** Its text is passed on as it is. */
  payload: JsonObject;
  exclude_user_id?: string | undefined;
  ephemeral?: boolean | undefined;
}

/** Scope `stats`. */
export type Stats = (caller: Caller, room?: string) => Promise<ConnectionStats>;

/** Of the whole cluster. With a room: of the connections in it. */
export interface ConnectionStats {
  total: number;
  authenticated: number;
  anonymous: number;
  /** The 100 largest rooms that the caller may see, by name. */
  per_room: Record<string, number>;
  /** Of the node that started first. */
  uptime_seconds: number;
  /** Frames since the nodes started. */
  sent: number;
  received: number;
  /** Nodes that responded. */
  nodes: number;
  partial: boolean;
}

/** For people who may join the room, and for services with scope `history`. Throws `past_retention`. */
export type History = (
  caller: Caller,
  query: { room: string; after: number; limit: number },
) => Promise<{ data: HistoryEntry[]; head_seq: number; epoch: string }>;

export interface HistoryEntry {
  room: string;
  seq: number;
  type: string;
  time: string;
  /** JSON text of an object. */
  payload: string;
}

/** The log of all rooms that the caller may see, in the order in which it became visible: scope `changes`. Throws `past_retention`. */
export type Changes = (caller: Caller, query: ChangesQuery) => Promise<{ data: Change[]; next: string }>;

export interface ChangesQuery {
  /** The `next` of the previous response; without it, from now on. `0`: from the oldest that is stored. */
  after?: string | undefined;
  /** Types, or prefixes of types followed by `*`. */
  types?: readonly string[] | undefined;
  limit: number;
  /** ms to wait for the first change, up to 10,000. At most 50 calls of one token wait on a node, else `rate_limited`. */
  wait?: number | undefined;
  signal?: AbortSignal | undefined;
  /** The caller's address, when it is known: a ban of it ends the wait. */
  address?: string | undefined;
}

/** A log entry with the field names of CloudEvents. */
export interface Change {
  /** `<room>:<epoch>:<seq>`: it never changes. */
  id: string;
  source: string;
  type: string;
  time: string;
  room: string;
  seq: number;
  /** JSON text of an object. */
  data: string;
}

/** For admins. */
export interface ServiceTokens {
  list(): Promise<ServiceToken[]>;
  /** `token`: returned only here. */
  create(who: AuditActor<UserCaller>, wanted: NewServiceToken): Promise<ServiceToken & { token: string }>;
  /** Creates a new secret. The old one is valid for `overlapSeconds` more; the one before that ends now. */
  rotate(who: AuditActor<UserCaller>, id: string, overlapSeconds: number): Promise<ServiceToken & { token: string }>;
  /** Ends it on all nodes, with its sockets. Idempotent. */
  revoke(who: AuditActor<UserCaller>, id: string): Promise<void>;
}

export interface NewServiceToken {
  name: string;
  scopes: Scope[];
  /** Patterns of rooms: a name, or a prefix followed by `*`. */
  rooms: string[];
  /** Null: never ends. */
  expires_at: string | null;
}

export interface ServiceToken extends NewServiceToken {
  id: string;
  created_by: string;
  created_at: string;
  /** When the present secret was created. */
  rotated_at: string | null;
  /** Until when the previous secret is valid too; null when it is not. */
  previous_until: string | null;
  /** To the minute or so; null: never used. */
  last_used_at: string | null;
}
