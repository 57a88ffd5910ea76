import type { Redis } from "ioredis";
import { z } from "zod";
import { AppError } from "../platform/errors.ts";
import { parseBoundedJson } from "../platform/json-bounds.ts";
import { type JsonObject, parseJsonObject } from "../platform/json-object.ts";
import { getMemberText } from "../platform/json-text.ts";

/** The channels on which the first back ends publish, when they do not call us. */
const REDIS_CHANNELS = ["booking:events", "payment:events", "ticket:events", "broadcast:all"] as const;

/** A message on them: for a person, for a room, or, on `broadcast:all`, for all connections. Other fields are ignored. */
const Message = z.object({
  type: z.string(),
  room: z.string().optional(),
  user_id: z.string().optional(),
  payload: z.record(z.string(), z.unknown()).optional(),
});

export interface RedisSourceDeps {
  /** Opens a connection for subscriptions; it reconnects and subscribes again by itself. */
  open: (onError: (error: unknown) => void) => Promise<Redis>;
  /**
   * Every node receives every message, and one of them writes it: whether this is the one. While that changes, messages may be
   * lost or doubled, as on any channel of Redis, which stores nothing. A service that must lose nothing calls the server API.
   */
  isActive: () => boolean;
  /** To a person: stored in their own log. Throws AppError. */
  notify: (notice: { user_id: string; event_type: string; payload: JsonObject }) => Promise<unknown>;
  /** To a room: stored in its log. Throws AppError. */
  broadcast: (broadcast: { room: string; event_type: string; payload: JsonObject }) => Promise<unknown>;
  logger: { warn(fields: object, message: string): void };
}

/** Maximum messages in flight; more are dropped, with a warning. */
const MAX_IN_FLIGHT = 1_000;

/** Maximum values in a message: as many as a payload can hold. */
const MAX_VALUES = 65_536;

/** ms between two log lines about the same problem. */
const LOG_INTERVAL_MS = 30_000;

/** Reads messages from channels of Redis (REDIS_SOURCE). */
export async function startRedisSource(deps: RedisSourceDeps): Promise<{ stop(): Promise<void> }> {
  const loggedAt = new Map<string, number>();
  let inFlight = 0;

  function warn(problem: string, fields: object): void {
    const now = performance.now();
    if (now - (loggedAt.get(problem) ?? Number.NEGATIVE_INFINITY) < LOG_INTERVAL_MS) return;
    loggedAt.set(problem, now);
    deps.logger.warn(fields, problem);
  }

  async function handleMessage(channel: string, text: string): Promise<void> {
    const message = Message.safeParse(parseBoundedJson(text, MAX_VALUES));
    const payload = message.success ? parseJsonObject(getMemberText(text, "payload") ?? "{}") : "";
    if (!message.success || typeof payload === "string") {
      warn("a message on a Redis channel was not {type, room?, user_id?, payload}", { channel });
      return;
    }
    const { type: event_type, user_id, room = channel === "broadcast:all" ? "all" : undefined } = message.data;
    if (user_id === undefined && room === undefined) {
      warn("a message on a Redis channel named neither a room nor a user_id", { channel, type: event_type });
      return;
    }
    if (inFlight >= MAX_IN_FLIGHT) {
      warn("messages on Redis channels arrive faster than they can be written; some were dropped", { channel });
      return;
    }
    inFlight++;
    try {
      if (user_id !== undefined) await deps.notify({ user_id, event_type, payload });
      else await deps.broadcast({ room: room!, event_type, payload });
    } catch (error) {
      const refused = error instanceof AppError && error.status < 500;
      warn(refused ? "a message on a Redis channel was refused" : "a message on a Redis channel could not be written", {
        err: error,
        channel,
        type: event_type,
      });
    } finally {
      inFlight--;
    }
  }

  const redis = await deps.open((err) => warn("Redis, whose channels are a source, does not respond", { err }));
  redis.on("message", (channel, text) => {
    if (deps.isActive()) void handleMessage(channel, text);
  });
  // It waits until Redis is available, however long that takes.
  redis.subscribe(...REDIS_CHANNELS).catch((err) => warn("the Redis channels could not be subscribed to", { err }));
  return { stop: async () => redis.disconnect() };
}
