import { readConfig } from "../src/config/read.ts";
import { exitWith, StartError } from "../src/config/start-error.ts";
import { waitForSignal } from "../src/platform/lifecycle.ts";
import { startDatabase } from "../src/platform/postgres/database-server.ts";
import { migrateUp } from "../src/platform/postgres/migrate.ts";
import { MIGRATIONS } from "../src/platform/postgres/migration-sets.ts";
import { startBalancer } from "./cluster/balancer.ts";

/**
 * `npm run cluster -- 3`: so many nodes and a load balancer on this machine, on one database, for trying what a cluster does.
 * Stop a node (`kill PID`, `kill -9 PID`) and watch the others; it is started again. Settings count for all nodes.
 */
const CONNECTIONS = 24;
const RESTART_DELAY_MS = 1_000;

interface Node {
  /** Its number, by which `/admin/nodes` knows it; before it has one, and after a restart, its port. */
  name: string;
  http: number;
  grpc: number;
  metrics: number;
}

try {
  const signal = waitForSignal();
  const count = Number(process.argv[2] ?? 3);
  if (!Number.isInteger(count) || count < 1 || count > 16)
    throw new StartError("Usage: npm run cluster -- NODES, with 1 to 16 nodes.");
  const config = readConfig();
  const database = await startDatabase(config, () => {}, { max_connections: String(20 + CONNECTIONS * count) });
  await migrateUp(database.url, MIGRATIONS);
  const nodes = Array.from({ length: count }, (_, n) => ({
    name: `port ${config.HTTP_PORT + 1 + n}`,
    http: config.HTTP_PORT + 1 + n,
    grpc: config.GRPC_PORT + 1 + n,
    metrics: config.METRICS_PORT + 1 + n,
  }));
  const running = nodes.map((node) => keepRunning(node, database.url, config.HTTP_PORT));
  await Promise.all(nodes.map(waitUntilReady));
  const at = (port: "http" | "grpc") =>
    nodes.map((node) => ({ port: node[port], ready: `http://127.0.0.1:${node.http}/ready` }));
  const balancers = [
    await startBalancer(config.HTTP_HOST, config.HTTP_PORT, at("http")),
    await startBalancer("127.0.0.1", config.GRPC_PORT, at("grpc")),
  ];
  console.log(
    `\nUsher on ${count} nodes: http://localhost:${config.HTTP_PORT}, gRPC on ${config.GRPC_PORT}. Ctrl+C ends it.`,
  );
  await signal;
  await Promise.all(running.map((node) => node.stop()));
  await Promise.all(balancers.map((balancer) => balancer.close()));
  await database.stop();
  process.exit(0);
} catch (error) {
  exitWith(error);
}

/** Starts a node, and starts it again whenever it ends. */
function keepRunning(node: Node, databaseUrl: string, publicPort: number) {
  const { http, grpc, metrics } = node;
  let stopping = false;
  let child = launch();

  function launch() {
    const started = Bun.spawn([process.execPath, "--no-env-file", "src/main.ts"], {
      env: {
        LOG_FORMAT: "pretty",
        PUBLIC_URL: `http://localhost:${publicPort}`,
        ...process.env,
        DATABASE_URL: databaseUrl,
        MIGRATE_ON_START: "false",
        // Only the balancers are for others; and on this machine gRPC then asks for no token, as on a single node.
        HTTP_HOST: "127.0.0.1",
        GRPC_HOST: "127.0.0.1",
        HTTP_PORT: String(http),
        GRPC_PORT: String(grpc),
        METRICS_PORT: String(metrics),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    node.name = `port ${http}`;
    console.log(`${node.name}: process ${started.pid}, http://localhost:${http}, metrics on ${metrics}`);
    void forwardOutput(node, started.stdout);
    void forwardOutput(node, started.stderr);
    void started.exited.then((code) => {
      if (stopping) return;
      console.log(`${node.name} ended with ${started.signalCode ?? code} and is started again.`);
      setTimeout(() => {
        if (!stopping) child = launch();
      }, RESTART_DELAY_MS);
    });
    return started;
  }

  return {
    async stop() {
      stopping = true;
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

async function forwardOutput(node: Node, stream: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const number = line.includes("Usher is ready") ? /\bnode"?[=:](\d+)/.exec(line)?.[1] : undefined;
      if (number !== undefined) {
        console.log(`${node.name} is node ${number}: http://localhost:${node.http}`);
        node.name = `node ${number}`;
      }
      console.log(`${node.name}  ${line}`);
    }
  }
}

async function waitUntilReady({ http }: Node): Promise<void> {
  for (;;) {
    const ok = await fetch(`http://127.0.0.1:${http}/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await Bun.sleep(100);
  }
}
