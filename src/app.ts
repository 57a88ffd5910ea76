import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { type Chat, createChat } from "./chat/index.ts";
import type { Config } from "./config/options.ts";
import { createIdentity, type Identity } from "./identity/index.ts";
import { systemClock } from "./platform/clock.ts";
import type { Api } from "./platform/http/api.ts";
import { createApi } from "./platform/http/create-api.ts";
import { createIdempotencyStore } from "./platform/http/idempotency-store.ts";
import { ownOrigins } from "./platform/http/origin.ts";
import { createLifecycle, type Lifecycle } from "./platform/lifecycle.ts";
import { createEpoch } from "./platform/log/epoch.ts";
import { createPublish, type Publish } from "./platform/log/publish.ts";
import { createLogReader } from "./platform/log/reader.ts";
import { startRetention } from "./platform/log/retention.ts";
import { createTail } from "./platform/log/tail.ts";
import { createLogger, type Logger } from "./platform/logger.ts";
import { createMail } from "./platform/mail.ts";
import { createMetrics, type Metrics } from "./platform/metrics.ts";
import { createIds } from "./platform/nodes/ids.ts";
import { leaseNode } from "./platform/nodes/registry.ts";
import { migrateUp } from "./platform/postgres/migrate.ts";
import { MIGRATIONS } from "./platform/postgres/migration-sets.ts";
import { openDatabase } from "./platform/postgres/pool.ts";
import { startDatabase } from "./platform/postgres/server.ts";
import type { Sql } from "./platform/postgres/sql.ts";
import { createTransaction } from "./platform/postgres/transaction.ts";
import { createHub } from "./realtime/hub.ts";
import type { Authenticate, Hub } from "./realtime/index.ts";
import { addDocs } from "./transport/http/docs.ts";
import { addMeta } from "./transport/http/meta.ts";
import { createMetricsServer } from "./transport/http/metrics-server.ts";
import { createPages } from "./transport/http/pages.ts";
import { addProbes } from "./transport/http/probes.ts";
import { createHttpServer } from "./transport/http/server.ts";
import { createWebProcess } from "./transport/web-process.ts";
import { createWebSocketTransport } from "./transport/websocket/websocket.ts";

/** Longest time in ms for a batch of posts: a server that says nothing holds up everybody's for so long and the grace. */
const POSTS_MS = 5_000;
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

/** What every step of the start works with. */
interface Program {
  config: Config;
  logger: Logger;
  lifecycle: Lifecycle;
  /** Told of what fails in the background and is tried again. */
  onError: (error: unknown) => void;
}

type Log = Awaited<ReturnType<typeof startLog>>;

/** Starts every part of Usher in order, and stops them in reverse; throws a StartError when one of them cannot start. */
export async function startApp(
  config: Config,
  logger: Logger = createLogger(config),
  lifecycle: Lifecycle = createLifecycle(logger),
): Promise<App> {
  const onError = (error: unknown) => logger.error({ err: error }, "the database did not answer; it is tried again");
  try {
    const port = await start({ config, logger, lifecycle, onError });
    logger.info({ url: config.PUBLIC_URL ?? `http://localhost:${port}` }, "Usher is ready");
    return { port, stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(program: Program): Promise<number> {
  const { config, logger } = program;
  const { sql, postSql } = await startStorage(program);
  const log = await startLog(program, sql);
  const { ids, epoch } = log;
  const metrics = createMetrics(VERSION);

  // Identity needs the hub, to close sockets; the hub asks identity only when somebody connects.
  const authenticate: Authenticate = {
    token: (token) => identity.authenticate(token, "connect"),
    cookie: (header) => identity.authenticateCookie(header),
    isCurrent: (caller) => identity.isCurrent(caller),
  };
  const hub = createHubOf(program, sql, log, metrics, authenticate);
  const publish = await startFanOut(program, log, hub, metrics);
  const identity: Identity = createIdentity({
    sql,
    ids,
    config,
    realtime: hub,
    mail: createMail(config),
    clock: systemClock,
    logger: logger.child({ name: "identity" }),
  });
  const chat = createChat({
    sql,
    postSql,
    transaction: createTransaction({ sql, ids, publish }),
    publish,
    ids,
    realtime: hub,
    users: identity.users,
    epoch: () => epoch.current(),
  });
  const api = await startApi(program, sql, metrics, hub, identity, chat);
  return startDoors(program, api, metrics, hub, authenticate);
}

/** PostgreSQL, our own or the one that is named, with the present schema; and the pools. */
async function startStorage({ config, logger, lifecycle }: Program) {
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
    () => openDatabase(server.url, { max: 1, name: "usher posts", limit: POSTS_MS }),
    (part) => part.close(),
  );
  return { sql, postSql: posts.sql };
}

/** What numbers, keeps and follows the log: this node's lease and ids, retention, the epoch, the tail. */
async function startLog({ config, logger, lifecycle, onError }: Program, sql: Sql) {
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
  return { node: String(lease.node), ids: createIds({ lease, clock: systemClock }), epoch, tail };
}

function createHubOf(
  { config, logger }: Program,
  sql: Sql,
  log: Log,
  metrics: Metrics,
  authenticate: Authenticate,
): Hub {
  const { node, epoch } = log;
  const hub = createHub({
    authenticate,
    log: createLogReader({ sql, epoch }),
    epoch: epoch.current(),
    node,
    clock: systemClock,
    metrics: metrics.hub,
    logger: logger.child({ name: "hub" }),
    limits: {
      pingInterval: config.WS_PING_INTERVAL,
      pongTimeout: config.WS_PONG_TIMEOUT,
      maxFrame: config.WS_MAX_MESSAGE_SIZE,
      rate: config.WS_RATE_LIMIT,
      burst: config.WS_RATE_LIMIT * 10,
      roomsPerConnection: 1_000,
      socketsPerPerson: Math.ceil(config.HTTP_RATE_LIMIT / 60),
      anonymousPerAddress: config.HTTP_RATE_LIMIT,
    },
  });
  // What happens at a show is public: anybody may join the room of an event, signed in or not.
  hub.registerRooms("event", { authorize: async () => {} });
  epoch.onChange((changed) => hub.changeEpoch(changed));
  metrics.watch(() => hub.counts());
  return hub;
}

/** The two ways to the hub: what this node commits, at once; and what the log has besides. */
async function startFanOut({ logger }: Program, { tail }: Log, hub: Hub, metrics: Metrics): Promise<Publish> {
  await tail.read({
    name: "fan-out repair",
    from: "now",
    handle: async ({ entries }) => hub.publish(entries),
    interrupted: () => hub.compareHeads(),
  });
  const show = createPublish(
    (entries, took) => {
      metrics.appended(took / 1_000);
      const began = performance.now();
      hub.publish(entries);
      metrics.delivered((performance.now() - began) / 1_000);
    },
    (error) => logger.error({ err: error }, "committed entries could not be shown at once; the tail shows them"),
  );
  return (entries, took) => {
    show(entries, took);
    tail.nudge();
  };
}

/** The REST API with the routes of all modules, and the hourly removal of what has expired. */
async function startApi(
  { config, logger, lifecycle, onError }: Program,
  sql: Sql,
  metrics: Metrics,
  hub: Hub,
  identity: Identity,
  chat: Chat,
): Promise<Api> {
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
    clock: systemClock,
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
  return api;
}

/** Everything that listens: metrics, pages, HTTP and WebSocket. Answers the port of the latter. */
async function startDoors(
  { config, logger, lifecycle }: Program,
  api: Api,
  metrics: Metrics,
  hub: Hub,
  authenticate: Authenticate,
): Promise<number> {
  if (config.METRICS_ENABLED) {
    await lifecycle.start(
      "metrics",
      () => createMetricsServer(config, metrics),
      (part) => part.stop(),
    );
  }
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
    handshakes: { points: config.HTTP_RATE_LIMIT, seconds: 60 },
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
