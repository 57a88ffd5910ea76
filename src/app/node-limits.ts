import type { Config } from "../config/options.ts";
import { createRateLimiter, type RateLimit, type RateLimiter } from "../platform/http/rate-limiter.ts";
import type { SharedLimit } from "../platform/http/shared-limits.ts";
import type { Broker } from "../realtime/broker/broker.ts";
import type { HubLimits } from "../realtime/deps.ts";
import type { Log } from "./start-log.ts";

/** The hub's limits, by the current options. */
export function hubLimits(config: Config): HubLimits {
  return {
    pingInterval: config.WS_PING_INTERVAL,
    pongTimeout: config.WS_PONG_TIMEOUT,
    maxFrame: config.WS_MAX_MESSAGE_SIZE,
    rate: config.WS_RATE_LIMIT,
    burst: config.WS_RATE_LIMIT * 10,
    // A frame of the maximum size must fit into the burst, which is ten times the rate.
    bytes: Math.max(config.WS_BYTE_LIMIT, config.WS_MAX_MESSAGE_SIZE / 10),
    framesPerPerson: config.WS_RATE_LIMIT * 10,
    framesPerAddress: config.WS_RATE_LIMIT * 100,
    handshakes: config.WS_CONNECT_LIMIT,
    roomsPerConnection: 1_000,
    socketsPerPerson: Math.ceil(config.HTTP_RATE_LIMIT / 60),
    anonymousPerAddress: config.HTTP_RATE_LIMIT,
  };
}

/** Makes the limit of this name one that the nodes count together. */
export type ShareLimit = (name: string) => SharedLimit;

export function createShareLimit(messenger: Broker, { lease }: Pick<Log, "lease">): ShareLimit {
  return (name) => ({ name, messenger, nodes: () => lease.liveNodes().length });
}

/** Counts the requests of each address: those to the API and to the pages together. */
export interface AddressLimiters {
  limit: RateLimit;
  requests: RateLimiter;
  /** Files that browsers cache for good: a page has dozens, so they have a limit of their own, ten times as high. */
  assets: RateLimiter;
}

/** The counters of a node; with `share` they count for all nodes together. */
export function createAddressLimiters(config: Config, share: ShareLimit): AddressLimiters {
  const limit = requestsPerMinute(config, 1, share("requests of addresses"));
  return {
    limit,
    requests: createRateLimiter(limit),
    assets: createRateLimiter(requestsPerMinute(config, 10, share("assets of addresses"))),
  };
}

/** Handshakes of all clients on one node. */
export function connectsPerSecond(config: Config): RateLimit {
  return {
    get points() {
      return config.WS_CONNECT_LIMIT;
    },
    seconds: 1,
  };
}

/** Of one service token, by all transports of a node together. */
export function requestsPerService(config: Config, shared?: SharedLimit): RateLimit {
  return {
    shared,
    get points() {
      return config.SERVICE_RATE_LIMIT;
    },
    seconds: 1,
  };
}

/** A part of HTTP_RATE_LIMIT, as it is at each use. */
export function requestsPerMinute(config: Config, part: number, shared?: SharedLimit): RateLimit {
  return {
    shared,
    get points() {
      return Math.ceil(config.HTTP_RATE_LIMIT * part);
    },
    seconds: 60,
  };
}
