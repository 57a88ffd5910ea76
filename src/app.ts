import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { createChat } from "./chat/index.ts";
import type { Config } from "./config/options.ts";
import { createIdentity, type Identity } from "./identity/index.ts";
import { systemClock } from "./platform/clock.ts";
import { createApi } from "./platform/http/create-api.ts";
import { createIdempotencyStore } from "./platform/http/idempotency-store.ts";
import { ownOrigins } from "./platform/http/origin.ts";
import { createLifecycle, type Lifecycle } from "./platform/lifecycle.ts";
import { createEpoch } from "./platform/log/epoch.ts";
import { createLogReader } from "./platform/log/reader.ts";
import { startRetention } from "./platform/log/retention.ts";
import { createTail } from "./platform/log/tail.ts";
import { createLogger, type Logger } from "./platform/logger.ts";
import { createMail } from "./platform/mail.ts";
import { createMetrics } from "./platform/metrics.ts";
import { createIds } from "./platform/nodes/ids.ts";
import { leaseNode } from "./platform/nodes/registry.ts";
import { migrateUp } from "./platform/postgres/migrate.ts";
import { MIGRATIONS } from "./platform/postgres/migration-sets.ts";
import { openDatabase } from "./platform/postgres/pool.ts";
import { startDatabase } from "./platform/postgres/server.ts";
import { createTransaction, type Publish } from "./platform/postgres/transaction.ts";
import { createHub } from "./realtime/hub.ts";
import type { Authenticate } from "./realtime/index.ts";
import { addDocs } from "./transport/http/docs.ts";
import { addMeta } from "./transport/http/meta.ts";
import { createMetricsServer } from "./transport/http/metrics-server.ts";
import { createPages } from "./transport/http/pages.ts";
import { addProbes } from "./transport/http/probes.ts";
import { createHttpServer } from "./transport/http/server.ts";
import { createWebProcess } from "./transport/web-process.ts";
import { createWebSocketTransport } from "./transport/websocket/websocket.ts";

const SWEEP_MS = 3_600_000;
/** A stop: sockets are told and closed in waves over this time, then running requests may end. */
const DRAIN_MS = 3_000;
const REQUESTS_MS = 5_000;
/** How long the first answer waits for the page process; after it the port is open and says that pages are starting. */
const PAGES_MS = 10_000;
const VERSION = packageJson.version;

export interface App {
  port: number;
  stop(): Promise<void>;
}

/** Starts every part of Usher in order, and stops them in reverse; throws a StartError when one of them cannot start. */
export async function startApp(config: Config): Promise<App> {
  const logger = createLogger(config);
  const lifecycle = createLifecycle(logger);
  try {
    const port = await start(config, logger, lifecycle);
    logger.info({ url: config.PUBLIC_URL ?? `http://localhost:${port}` }, "Usher is ready");
    return { port, stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(config: Config, logger: Logger, lifecycle: Lifecycle): Promise<number> {
  const { sql, postSql } = await startStorage(config, logger, lifecycle);
  const onError = (error: unknown) => logger.error({ err: error }, "the database did not answer; it is tried again");
  const lease = await lifecycle.start(
    "node lease",
    () => leaseNode({ sql, onError }),
    (part) => part.stop(),
  );
  await lifecycle.start(
    "log retention",
    () =>
      startRetention({
        sql,
        retentionMs: config.LOG_RETENTION,
        maxBytes: config.LOG_MAX_BYTES,
        onPass: ({ held }) => held && logger.warn(held, "a partition of the log is kept for a reader that lags"),
        onError,
      }),
    (part) => part.stop(),
  );
  const metrics = createMetrics(VERSION);
  const clock = systemClock;
  const ids = createIds({ lease, clock });
  const epoch = await createEpoch(sql);
  const tail = await lifecycle.start(
    "log tail",
    () =>
      createTail({
        sql,
        epoch,
        onError: (error, reader) => logger.error({ err: error, reader }, "the log could not be followed; tried again"),
      }),
    (part) => part.stop(),
  );

  // Identity needs the hub, to close sockets; the hub asks identity only when somebody connects.
  const authenticate: Authenticate = {
    token: (token) => identity.authenticate(token, "connect"),
    cookie: (header) => identity.authenticateCookie(header),
    isCurrent: (caller) => identity.isCurrent(caller),
  };
  const hub = createHub({
    authenticate,
    log: createLogReader({ sql, epoch }),
    epoch: epoch.current(),
    node: String(lease.node),
    clock,
    metrics: metrics.hub,
    logger: logger.child({ name: "hub" }),
    limits: {
      pingInterval: config.WS_PING_INTERVAL,
      pongTimeout: config.WS_PONG_TIMEOUT,
      maxFrame: config.WS_MAX_MESSAGE_SIZE,
      rate: config.WS_RATE_LIMIT,
      burst: config.WS_RATE_LIMIT * 10,
      roomsPerConnection: 1_000,
    },
  });
  // What happens at a show is public: anybody may join the room of an event, signed in or not.
  hub.registerRooms("event", { authorize: async () => {} });
  epoch.onChange((changed) => hub.changeEpoch(changed));
  metrics.watch(() => hub.counts());
  const publish: Publish = (entries, took) => {
    metrics.appended(took / 1_000);
    const began = performance.now();
    hub.publish(entries);
    metrics.delivered((performance.now() - began) / 1_000);
    tail.nudge();
  };
  await tail.read({
    name: "fan-out repair",
    from: "now",
    handle: async ({ entries }) => hub.publish(entries),
    interrupted: () => void hub.compareHeads().catch(onError),
  });

  const transaction = createTransaction({ sql, ids, publish });
  const identity: Identity = createIdentity({
    sql,
    ids,
    config,
    realtime: hub,
    mail: createMail(config),
    clock,
    logger: logger.child({ name: "identity" }),
  });
  const chat = createChat({
    sql,
    postSql,
    transaction,
    publish,
    ids,
    realtime: hub,
    users: identity.users,
    epoch: () => epoch.current(),
  });

  const idempotency = createIdempotencyStore(sql);
  const api = createApi({
    config,
    logger,
    authenticate: (token) => identity.authenticate(token, "api"),
    authenticateCookie: (header) => identity.authenticateCookie(header),
    idempotency,
    failed: metrics.failed,
    limits: {
      address: { points: config.HTTP_RATE_LIMIT, seconds: 60 },
      caller: { points: Math.ceil(config.HTTP_RATE_LIMIT / 5), seconds: 60 },
    },
  });
  addProbes(api, {
    checks: [{ name: "postgres", vital: true, probe: () => sql`SELECT 1` }],
    draining: () => hub.draining || lifecycle.stopping,
  });
  addMeta(api, {
    config,
    version: VERSION,
    features: ["chat"],
    clock,
    isSetUp: async () => (await identity.registration()).owner_exists,
  });
  identity.routes(api);
  chat.routes(api);
  addDocs(api, VERSION);

  await lifecycle.start(
    "sweep",
    () =>
      setInterval(() => {
        Promise.all([identity.sweep(), idempotency.sweep()]).catch(onError);
      }, SWEEP_MS),
    (timer) => clearInterval(timer),
  );
  if (config.METRICS_ENABLED) {
    await lifecycle.start(
      "metrics",
      () => createMetricsServer(config, metrics),
      (part) => part.stop(),
    );
  }
  return startDoors();

  async function startDoors(): Promise<number> {
    const web = await lifecycle.start(
      "pages",
      () =>
        createWebProcess({
          program: join(import.meta.dirname, "../web/server.ts"),
          api: `http://127.0.0.1:${config.HTTP_PORT}`,
          logger: logger.child({ name: "pages" }),
        }),
      (part) => part.stop(),
    );
    web.start();
    const isOwnOrigin = ownOrigins(config);
    const sockets = createWebSocketTransport({
      hub,
      authenticate,
      allowAnonymous: config.WS_ALLOW_ANONYMOUS,
      isAllowedOrigin: isOwnOrigin,
      maxFrame: config.WS_MAX_MESSAGE_SIZE,
      logger,
    });
    const server = await lifecycle.start(
      "http",
      () =>
        createHttpServer({
          config,
          api,
          websocket: { upgrade: sockets.upgrade, handler: sockets.websocket },
          pages: createPages({
            socket: web.socket,
            readTimeout: config.HTTP_READ_TIMEOUT,
            writeTimeout: config.HTTP_WRITE_TIMEOUT,
            isOwnOrigin,
          }),
          metrics,
          logger,
          innerSocket: web.innerSocket,
        }),
      (part) => part.stop(REQUESTS_MS),
      REQUESTS_MS + 1_000,
    );
    hub.start((topic, text) => server.bun.publish(topic, text));
    await lifecycle.start(
      "hub",
      () => hub,
      async (part) => {
        await part.drain(DRAIN_MS);
        part.stop();
        metrics.stop();
      },
      DRAIN_MS + 6_000,
    );
    if (!(await web.ready(PAGES_MS))) logger.warn("the pages are not ready yet; the API and the sockets are");
    return server.port;
  }
}

async function startStorage(config: Config, logger: Logger, lifecycle: Lifecycle) {
  const server = await lifecycle.start(
    "postgres",
    () => startDatabase(config, (level, line) => logger[level]({ name: "postgres" }, line)),
    (part) => part.stop(),
    25_000,
  );
  if (config.MIGRATE_ON_START) {
    for (const name of await migrateUp(server.url, MIGRATIONS)) logger.info(`migration applied: ${name}`);
  }
  const { sql } = await lifecycle.start(
    "database",
    () => openDatabase(server.url),
    (part) => part.close(),
  );
  // One batch of posts is under way at a time: on a connection of its own it waits for nothing, and its plans stay warm.
  const posts = await lifecycle.start(
    "database for posts",
    () => openDatabase(server.url, { max: 1, name: "usher posts" }),
    (part) => part.close(),
  );
  return { sql, postSql: posts.sql };
}
