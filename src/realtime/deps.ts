import type { CloseReason } from "../../protocol/codes.ts";
import type { Clock } from "../platform/clock.ts";
import type { LogReader } from "../platform/log/reader.ts";
import type { Tracing } from "../platform/tracing.ts";
import type { Broker } from "./broker/broker.ts";
import type { PresenceStore } from "./presence/presence-store.ts";
import type { PresenceTimes } from "./presence/times.ts";
import type { Authenticate } from "./transport.ts";

/** What the hub needs of the application; provided in app.ts. */
export interface HubDeps {
  authenticate: Authenticate;
  log: LogReader;
  /** Which life of the database it is at the start; later ones by `changeEpoch`. */
  epoch: string;
  /** Number of this node at the start, as `system:connected` reports it; a later one by `renumber`. */
  node: string;
  /** How the other nodes are reached. Left out: there are none. */
  broker?: Broker;
  /** Number of live nodes, including this one. Left out: 1. */
  nodes?: () => number;
  /** Where the nodes store who is in which room. Left out: in memory, for a single node. */
  presence?: PresenceStore;
  presenceTimes?: PresenceTimes;
  clock: Clock;
  metrics: HubMetrics;
  /** Left out: nothing is traced. */
  tracing?: Tracing;
  logger: HubLogger;
  limits: HubLimits;
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
  /** ms without a heartbeat after which a connection is closed. */
  pongTimeout: number;
  /** Bytes of one inbound frame. */
  maxFrame: number;
  /** Inbound frames per second and connection, in the long run; `burst` at once. */
  rate: number;
  burst: number;
  /** Inbound bytes per second and connection, in the long run: a larger frame counts as several. */
  bytes: number;
  /** Inbound frames per second of all connections of one person, and of all anonymous ones of one address, on all nodes. */
  framesPerPerson: number;
  framesPerAddress: number;
  roomsPerConnection: number;
  /** Handshakes per second that one node accepts. */
  handshakes: number;
  /** Open connections of one person, or one service token, on all nodes. */
  socketsPerPerson: number;
  /** Open anonymous connections of one address, on all nodes. */
  anonymousPerAddress: number;
}
