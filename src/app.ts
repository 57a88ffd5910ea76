import { type Admin, createAdmin } from "./admin/index.ts";
import { startApi } from "./app/api.ts";
import { startBroker } from "./app/broker.ts";
import { addDialects } from "./app/dialects.ts";
import { startDoors } from "./app/doors.ts";
import { startDrain } from "./app/drain.ts";
import { startFanOut } from "./app/fan-out.ts";
import { startGrpc } from "./app/grpc.ts";
import { createHubOf } from "./app/hub.ts";
import { endLapsed } from "./app/lapsed.ts";
import { createAddressCounters, createShare } from "./app/limits.ts";
import { startLog } from "./app/log.ts";
import { watchNode } from "./app/node-metrics.ts";
import { startPages, untilPagesAreUp } from "./app/pages.ts";
import { startPresence } from "./app/presence.ts";
import type { Program } from "./app/program.ts";
import { createReadinessOf } from "./app/readiness.ts";
import { openRedisSource } from "./app/redis-source.ts";
import { startReload } from "./app/reload.ts";
import { listener, startServerApi } from "./app/server-api.ts";
import { tellSetupCode } from "./app/setup-code.ts";
import { startStorage } from "./app/storage.ts";
import { startStreams } from "./app/streams.ts";
import { startTls } from "./app/tls.ts";
import { VERSION } from "./app/version.ts";
import { startWebhooks } from "./app/webhooks.ts";
import { readWorkerPlace, reportToParent } from "./app/worker.ts";
import { createChat } from "./chat/index.ts";
import { createLive } from "./config/live.ts";
import type { Config } from "./config/options.ts";
import { readConfig } from "./config/read.ts";
import { createIdentity, type Identity } from "./identity/index.ts";
import { systemClock } from "./platform/clock.ts";
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
  const onError = (error: unknown) => logger.error({ err: error }, "the database did not answer; it is tried again");
  const worker = readWorkerPlace();
  const live = createLive(config, read);
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
  await startReload(program, async (changed) => admin?.reloaded(changed));
  const storage = await startStorage(program);
  const { sql, postSql, noticeSql, databaseUrl } = storage;
  const log = await startLog(program, storage);
  const { ids, epoch } = log;
  const metrics = createMetrics(VERSION);
  const broker = await startBroker(program, sql, databaseUrl, log, metrics);
  const presence = await startPresence(program, sql);

  // Identity needs the hub, to close sockets; the hub asks identity only when somebody connects.
  const authenticate: Authenticate = {
    token: (token) =>
      services.isServiceToken(token) ? listener(services, token) : identity.authenticate(token, "connect"),
    cookie: (header) => identity.authenticateCookie(header),
    isCurrent: (caller) => (caller.kind === "user" ? identity.isCurrent(caller) : services.isCurrent(caller)),
    isBanned: (address) => identity.isBanned(address),
  };
  const share = createShare(broker, log);
  const addresses = createAddressCounters(config, share);
  const hub = createHubOf(program, { sql, log, metrics, broker, presence, authenticate });
  endLapsed(program, hub, authenticate.isCurrent);
  watchNode(metrics, storage, log, hub);
  const publish = await startFanOut(program, log, broker, hub, metrics);
  const transaction = createTransaction({ sql, ids, publish });
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
    living: () => log.lease.living(),
    names: { channels: (caller, ids) => chat.channels.names(caller, ids), people: (ids) => identity.users.get(ids) },
    logger: logger.child({ name: "admin" }),
  });
  await Promise.all([admin.start(), identity.start()]);
  let open = false;
  const pages = await startPages(program);
  const readiness = createReadinessOf(program, storage, broker, hub, pages, () => open);
  const webhooks = await startWebhooks(program, sql, log, metrics, broker);
  const api = await startApi(program, {
    sql,
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
  const port = await startDoors(program, {
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
  if (pages !== null) await untilPagesAreUp(pages, logger);
  await tellSetupCode(program, identity);
  open = true;
  if (program.worker !== null) reportToParent(metrics);
  return { port, node: log.lease.node };
}
