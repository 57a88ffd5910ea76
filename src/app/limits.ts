import type { Config } from "../config/options.ts";
import type { RateLimit } from "../platform/http/rate-limit.ts";
import type { HubLimits } from "../realtime/index.ts";

/** What the hub allows, by the options as they stand. */
export function hubLimits(config: Config): HubLimits {
  return {
    pingInterval: config.WS_PING_INTERVAL,
    pongTimeout: config.WS_PONG_TIMEOUT,
    maxFrame: config.WS_MAX_MESSAGE_SIZE,
    rate: config.WS_RATE_LIMIT,
    burst: config.WS_RATE_LIMIT * 10,
    roomsPerConnection: 1_000,
    socketsPerPerson: Math.ceil(config.HTTP_RATE_LIMIT / 60),
    anonymousPerAddress: config.HTTP_RATE_LIMIT,
  };
}

/** Of one service token, by all doors of a node together. */
export function requestsOfService(config: Config): RateLimit {
  return {
    get points() {
      return config.SERVICE_RATE_LIMIT;
    },
    seconds: 1,
  };
}

/** A part of HTTP_RATE_LIMIT, as it stands whenever it is asked. */
export function requestsPerMinute(config: Config, part: number): RateLimit {
  return {
    get points() {
      return Math.ceil(config.HTTP_RATE_LIMIT * part);
    },
    seconds: 60,
  };
}
