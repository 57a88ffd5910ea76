import type { Server } from "bun";
import { jwtVerify, SignJWT } from "jose";
import type { ServiceCaller, UserCaller } from "../../src/platform/caller.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { AppError } from "../../src/platform/errors.ts";
import type { RateLimit } from "../../src/platform/http/rate-limiter.ts";
import { createLogReader } from "../../src/platform/log/reader.ts";
import type { Broker } from "../../src/realtime/broker/broker.ts";
import type { HubLimits, HubMetrics } from "../../src/realtime/deps.ts";
import { createHub } from "../../src/realtime/hub.ts";
import type { Authenticate, Connection, Hub } from "../../src/realtime/transport.ts";
import { createWebSocketTransport } from "../../src/transport/websocket/websocket.ts";
import { type LogNode, startLogNode } from "./log-node.ts";
import { testDatabase } from "./postgres.ts";

/** The hub on a real log and a real port; identity is a key of this file's own, and event rooms are open to all. */
export interface HubNode extends LogNode {
  hub: Hub;
  authenticate: Authenticate;
  port: number;
  /** What the hub counted: `sent system:ack` → 3. */
  counted: Map<string, number>;
  /** The hub's log messages, without their fields. */
  logged: string[];
  /** Sessions that have ended. */
  ended: Set<string>;
  /** Services by their tokens. */
  services: Map<string, ServiceCaller>;
  /** Who may be in which `channel:` rooms, as `user room`. */
  members: Set<string>;
  /** Awaited by the policy between reading the membership and returning. */
  policy: { gate: Promise<void>; asked: number };
  /** Commits entries to a room, and publishes them. */
  say(room: string, ...texts: string[]): Promise<void>;
}

const KEY = new TextEncoder().encode("a key of the tests only");

/** A token as another issuer would make it. */
export function mintToken(userId: string, { sessionId = "", lifeMs = 60_000, key = KEY } = {}): Promise<string> {
  return new SignJWT({ sid: sessionId, until: Date.now() + lifeMs })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(userId)
    .setExpirationTime(Math.ceil((Date.now() + lifeMs) / 1000))
    .sign(key);
}

export async function startHubNode(
  options: {
    limits?: Partial<HubLimits>;
    allowAnonymous?: boolean;
    node?: string;
    broker?: Broker;
    nodes?: () => number;
    connects?: RateLimit;
  } = {},
): Promise<HubNode> {
  const database = await testDatabase();
  const log = await startLogNode(database.url);
  const counted = new Map<string, number>();
  const logged: string[] = [];
  const ended = new Set<string>();
  const services = new Map<string, ServiceCaller>();
  const members = new Set<string>();
  const policy = { gate: Promise.resolve(), asked: 0 };
  const authenticate = createAuthenticate(ended, services);
  const limits = { ...HUB_LIMITS, ...options.limits };
  const hub = createHub({
    authenticate,
    log: createLogReader({ sql: log.sql, epoch: log.epoch }),
    epoch: log.epoch.current(),
    node: options.node ?? "1",
    broker: options.broker,
    nodes: options.nodes,
    clock: systemClock,
    metrics: createHubMetrics(counted),
    logger: { warn: (_, message) => logged.push(message), error: (_, message) => logged.push(message) },
    limits,
  });
  log.epoch.onChange((epoch) => hub.changeEpoch(epoch));
  hub.registerRooms("event", { authorize: async () => {} });
  hub.registerRooms("channel", {
    hasMembers: true,
    authorize: async () => {},
    findExpelled({ payload }) {
      const [, userId] = /"gone: (\w+)"/.exec(payload) ?? [];
      return userId === undefined ? null : { userId };
    },
    async authorizeMany(asks) {
      const results = asks.map(({ caller, room }) =>
        caller.kind === "user" && members.has(`${caller.userId} ${room}`) ? null : ("not_found" as const),
      );
      policy.asked++;
      await policy.gate;
      return results;
    },
  });
  log.published.push = (...entries) => {
    hub.publish(entries);
    return 0;
  };
  const transport = createWebSocketTransport({
    hub,
    authenticate,
    handshakes: { points: 1_000_000, seconds: 60 },
    connects: options.connects ?? { points: 1_000_000, seconds: 1 },
    allowAnonymous: options.allowAnonymous ?? true,
    isAllowedOrigin: (origin) => origin === "https://ours.example",
    maxFrame: limits.maxFrame,
    logger: { error: console.error },
  });
  const server: Server<Connection> = Bun.serve<Connection>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) =>
      transport.upgrade(request, server, { address: "192.0.2.1", host: "ours.example", requestId: "request-1" }),
    websocket: transport.websocket,
  });
  hub.start((topic, text) => server.publish(topic, text));
  return {
    ...log,
    hub,
    authenticate,
    port: server.port!,
    counted,
    logged,
    ended,
    services,
    members,
    policy,
    async say(room, ...texts) {
      await log.transaction({ actor: "test" }, async (tx) => {
        for (const text of texts) tx.log(room, "message:created", { content: text });
      });
    },
    async stop() {
      await hub.stop();
      await server.stop(true);
      await log.stop();
      await database.close();
    },
  };
}

/** High enough to limit no test. */
export const HUB_LIMITS: HubLimits = {
  pingInterval: 30_000,
  pongTimeout: 60_000,
  maxFrame: 65_536,
  rate: 50,
  burst: 200,
  bytes: 1_000_000,
  framesPerPerson: 100_000,
  framesPerAddress: 100_000,
  roomsPerConnection: 100,
  handshakes: 5_000,
  socketsPerPerson: 1_000,
  anonymousPerAddress: 1_000,
};

function createAuthenticate(ended: Set<string>, services: Map<string, ServiceCaller>): Authenticate {
  const verify = async (token: string): Promise<UserCaller> => {
    const verified = await jwtVerify(token, KEY, { algorithms: ["HS256"] }).catch(() => null);
    const { sub, sid, until } = verified?.payload ?? {};
    if (typeof sub !== "string" || typeof sid !== "string" || typeof until !== "number" || ended.has(sid)) {
      throw new AppError("unauthenticated");
    }
    return { kind: "user", userId: sub, username: sub, role: "member", sessionId: sid || null, expiresAt: until };
  };
  return {
    token: async (token) => services.get(token) ?? verify(token),
    async cookie(header) {
      const token = /session=([^;]+)/.exec(header)?.[1];
      return token === undefined ? null : { ...(await verify(token)), expiresAt: null };
    },
    isCurrent: (caller) =>
      caller.kind === "user"
        ? caller.sessionId === null || !ended.has(caller.sessionId)
        : [...services.values()].some(({ tokenId }) => tokenId === caller.tokenId),
  };
}

function createHubMetrics(counted: Map<string, number>): HubMetrics {
  const count = (what: string, n: number) => void counted.set(what, (counted.get(what) ?? 0) + n);
  return {
    sent: (type, connections) => count(`sent ${type}`, connections),
    received: (type) => count(`received ${type}`, 1),
    error: (code) => count(`error ${code}`, 1),
    recovery: (outcome) => count(`recovery ${outcome}`, 1),
    filled: (entries) => count("filled", entries),
    closed: (reason) => count(`closed ${reason}`, 1),
  };
}
