import { type Admin, createAdmin } from "./admin/index.ts";
import { addDialects } from "./app/add-dialects.ts";
import { closeNoLongerAllowed } from "./app/close-no-longer-allowed.ts";
import { startListeners } from "./app/listeners.ts";
import { logSetupCode } from "./app/log-setup-code.ts";
import { createNodeApi } from "./app/node-api.ts";
import { createNodeHub } from "./app/node-hub.ts";
import { createAddressLimiters, createShareLimit } from "./app/node-limits.ts";
import type { Program } from "./app/program.ts";
import { createNodeReadiness } from "./app/readiness.ts";
import { startBroker } from "./app/start-broker.ts";
import { startDrain } from "./app/start-drain.ts";
import { startFanOut } from "./app/start-fan-out.ts";
import { startGrpc } from "./app/start-grpc.ts";
import { openJobs, startJobs } from "./app/start-jobs.ts";
import { startLog } from "./app/start-log.ts";
import { startPages, waitForPages } from "./app/start-pages.ts";
import { startPresence } from "./app/start-presence.ts";
import { openRedisSource } from "./app/start-redis-source.ts";
import { startReload } from "./app/start-reload.ts";
import { authenticateSubscriber, startServerApi } from "./app/start-server-api.ts";
import { startStorage } from "./app/start-storage.ts";
import { startStreams } from "./app/start-streams.ts";
import { startTls } from "./app/start-tls.ts";
import { startWebhooks } from "./app/start-webhooks.ts";
import { VERSION } from "./app/version.ts";
import { watchNode } from "./app/watch-node.ts";
import { readWorkerInfo, reportToParent } from "./app/worker-process.ts";
import { createChat } from "./chat/index.ts";
import { createLiveConfig } from "./config/live-config.ts";
import type { Config } from "./config/options.ts";
import { readConfig } from "./config/read.ts";
import { createIdentity, type Identity } from "./identity/index.ts";
import { systemClock } from "./platform/clock.ts";
import { IdempotencyKeys } from "./platform/idempotency-keys.ts";
import { createLifecycle, type Lifecycle } from "./platform/lifecycle.ts";
import { createLogger, type Logger } from "./platform/logger.ts";
import { createMail } from "./platform/mail.ts";
import { createMetrics } from "./platform/metrics.ts";
import { createTransaction } from "./platform/postgres/transaction.ts";
import { createTracing } from "./platform/tracing.ts";
import type { Authenticate } from "./realtime/transport.ts";
import type { ServerApi } from "./server-api/index.ts";

export interface App {
  port: number;
  stop(): Promise<void>;
}

/**
 * Starts every part of Usher in order, and stops them in reverse; throws a StartError when one of them cannot start.
 *
 * @param read the settings again, at SIGHUP
 */
export async function startApp(
  config: Config,
  logger: Logger = createLogger(config),
  lifecycle: Lifecycle = createLifecycle(logger),
  read: () => Config = readConfig,
): Promise<App> {
  const onError = (error: unknown) => logger.error({ err: error }, "the database did not respond; it is tried again");
  const worker = readWorkerInfo();
  const live = createLiveConfig(config, read);
  try {
    const tracing = await lifecycle.start(
      "tracing",
      () => createTracing(config, { version: VERSION, logger }),
      (part) => part.stop(),
    );
    const tls = await startTls(config, logger, lifecycle);
    const { port, node } = await start({ config: live.config, live, logger, lifecycle, onError, worker, tls, tracing });
    if (worker === null)
      logger.info(
        {
          node,
          url: config.PUBLIC_URL ?? `${tls ? "https" : "http"}://localhost:${port}`,
          listens: `${config.HTTP_HOST}:${port}`,
        },
        "Usher is ready",
      );
    return { port, stop: () => lifecycle.stop() };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function start(program: Program): Promise<{ port: number; node: number }> {
  const { config, logger } = program;
  let admin: Admin | null = null;
  await startReload(program, async (changed) => admin?.recordReload(changed));
  const storage = await startStorage(program);
  const { sql, postSql, noticeSql, databaseUrl } = storage;
  const log = await startLog(program, storage);
  const { ids, epoch } = log;
  const metrics = createMetrics(VERSION);
  const broker = await startBroker(program, sql, databaseUrl, log, metrics);
  const presence = await startPresence(program, sql);

  // Identity needs the hub, to close sockets; the hub asks identity only when a client connects.
  const authenticate: Authenticate = {
    token: (token) =>
      services.callers.isServiceToken(token)
        ? authenticateSubscriber(services, token)
        : identity.authenticate(token, "connect"),
    cookie: (header) => identity.authenticateCookie(header),
    isCurrent: (caller) => (caller.kind === "user" ? identity.isCurrent(caller) : services.callers.isCurrent(caller)),
    isBanned: (address) => identity.isBanned(address),
  };
  const share = createShareLimit(broker, log);
  const addresses = createAddressLimiters(config, share);
  const hub = createNodeHub(program, { sql, log, metrics, broker, presence, authenticate });
  closeNoLongerAllowed(program, hub, authenticate.isCurrent);
  watchNode(metrics, storage, log, hub);
  const publish = await startFanOut(program, log, broker, hub, metrics);
  const { jobs, queue } = openJobs(program, storage, metrics, broker);
  const transaction = createTransaction({ sql, ids, publish, jobs: queue });
  const identity: Identity = createIdentity({
    sql,
    transaction,
    ids,
    config,
    realtime: hub,
    mail: createMail(config),
    clock: systemClock,
    elapsed: () => performance.now(),
    logger: logger.child({ name: "identity" }),
  });
  const services: ServerApi = await startServerApi(program, {
    sql,
    batchSql: noticeSql,
    log,
    hub,
    publish,
    transaction,
    metrics,
    share,
    issuedSessions: identity.issuedSessions,
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
  admin = createAdmin({
    sql,
    transaction,
    live: program.live,
    realtime: hub,
    node: () => String(log.lease.node),
    liveNodes: () => log.lease.liveNodes(),
    roomNames: { channels: (caller, ids) => chat.channels.names(caller, ids), users: (ids) => identity.users.get(ids) },
    logger: logger.child({ name: "admin" }),
  });
  await Promise.all([admin.start(), identity.start()]);
  let open = false;
  const pages = await startPages(program);
  const readiness = createNodeReadiness(program, storage, broker, hub, pages, () => open);
  const webhooks = await startWebhooks(program, sql, log, metrics, broker);
  const idempotency = new IdempotencyKeys(sql);
  await startJobs(program, jobs, { log, identity, chat, idempotency, admin, webhooks });
  const api = createNodeApi(program, {
    idempotency,
    metrics,
    readiness,
    identity,
    chat,
    admin,
    services,
    webhooks,
    share,
    addresses,
  });
  const streams = await startStreams(program, api, hub, authenticate);
  await openRedisSource(program, log, services);
  const dialects = addDialects(program, api, { identity, chat, streams, authenticate });
  const port = await startListeners(program, {
    pages,
    api,
    metrics,
    hub,
    authenticate,
    dialects,
    streams,
    share,
    addresses,
    services,
  });
  await startGrpc(program, { sql, services, identity, streams, metrics, readiness, addresses });
  await startDrain(program, log.lease, hub, services);
  if (pages !== null) await waitForPages(pages, logger);
  await logSetupCode(program, identity);
  open = true;
  if (program.worker !== null) reportToParent(metrics, program.onError);
  return { port, node: log.lease.node };
}
