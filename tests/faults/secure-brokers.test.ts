import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getNatsServer, getRedisServer } from "../../src/app/start-broker.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { BrokerTransport, TransportAddress } from "../../src/realtime/broker/broker-transport.ts";
import { createNatsTransport } from "../../src/realtime/broker/nats-transport.ts";
import { createRedisTransport, openRedis } from "../../src/realtime/broker/redis-transport.ts";
import { TestCluster, untilReceived } from "../support/broker-contract.ts";
import { certificateFor } from "../support/certificate.ts";
import { startNats } from "../support/engines/nats.ts";
import { startRedis, startSentinel } from "../support/engines/redis.ts";
import { testWith } from "../support/tools.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Brokers that ask for TLS, for a certificate of ours, for names and passwords: by the options as an operator sets them. */
setDefaultTimeout(60_000);
const withRedis = testWith("redis-server", "redis-cli");
const withNats = testWith("nats-server");

const folder = mkdtempSync(join(tmpdir(), "usher-secure-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The server's and ours; each trusts only itself. Paths of their files. */
const server = getFiles("server");
const client = getFiles("client");

function getFiles(name: string) {
  const { key, cert } = certificateFor("127.0.0.1");
  const files = { key: join(folder, `${name}.key`), cert: join(folder, `${name}.crt`) };
  writeFileSync(files.key, key);
  writeFileSync(files.cert, cert);
  return files;
}

type Env = Record<string, string>;
const parseConfig = (env: Env) =>
  loadConfig({ environment: env, dotenv: null, readFile: (path) => readFileSync(path, "utf8") });

const redis =
  (env: Env, onError: (error: unknown) => void = () => {}) =>
  (address: TransportAddress) =>
    createRedisTransport(getRedisServer(parseConfig(env)), address, onError);
const nats =
  (env: Env, onError: (error: unknown) => void = () => {}) =>
  (address: TransportAddress) =>
    createNatsTransport(getNatsServer(parseConfig(env)), address, onError);

/** Two nodes with these options receive each other's messages. */
async function exchange(open: (address: TransportAddress) => Promise<BrokerTransport>): Promise<void> {
  const cluster = new TestCluster();
  const a = await cluster.join(1, open);
  const b = await cluster.join(2, open);
  await untilReceived(a, b);
  await untilReceived(b, a);
  await cluster.stop();
}

/** With these options no node connects; returns the errors it reported. */
async function expectRejected(
  make: (onError: (error: unknown) => void) => (address: TransportAddress) => Promise<BrokerTransport>,
) {
  const errors: string[] = [];
  const transport = await make((error) => errors.push(String(error)))({ cluster: "c", instanceId: "m" });
  transport.start(() => {});
  await waitUntil("it reported two errors", () => errors.length > 1);
  expect(transport.isConnected()).toBe(false);
  await transport.close();
  return errors.join();
}

const TLS = (prefix: string): Env => ({
  [`${prefix}_TLS_CA_FILE`]: server.cert,
  [`${prefix}_TLS_CERT_FILE`]: client.cert,
  [`${prefix}_TLS_KEY_FILE`]: client.key,
});
const without = (env: Env, ...names: string[]) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
const OUR_CERTIFICATE = (prefix: string) => [`${prefix}_TLS_CERT_FILE`, `${prefix}_TLS_KEY_FILE`];

const redisTls = (port: number) => ["port 0", `tls-port ${port}`, ...redisFiles];
const redisFiles = [
  `tls-cert-file ${server.cert}`,
  `tls-key-file ${server.key}`,
  `tls-ca-cert-file ${client.cert}`,
  "tls-auth-clients yes",
];
const asArguments = (lines: string[]) => lines.flatMap((line) => `--${line}`.split(" "));

withRedis(
  "Redis by rediss://, with its own user: with the authority, our certificate and the right name only",
  async () => {
    const users = ["user default off", "user usher on >p@ss ~usher:* &usher:* +@all"];
    const engine = await startRedis((port) => asArguments([...redisTls(port), ...users]));
    const at = (who: string) => ({ REDIS_URL: `rediss://${who}@127.0.0.1:${engine.port}` });
    const right = { ...at("usher:p%40ss"), ...TLS("REDIS") };
    await exchange(redis(right));
    await exchange(
      redis({
        ...TLS("REDIS"),
        REDIS_HOST: "127.0.0.1",
        REDIS_PORT: String(engine.port),
        REDIS_TLS: "on",
        REDIS_USERNAME: "usher",
        REDIS_PASSWORD: "p@ss",
      }),
    );
    expect(await expectRejected((onError) => redis(without(right, "REDIS_TLS_CA_FILE"), onError))).toMatch(
      /certificate/i,
    );
    await expectRejected((onError) => redis(without(right, ...OUR_CERTIFICATE("REDIS")), onError));
    expect(await expectRejected((onError) => redis({ ...right, ...at("usher:wrong") }, onError))).toContain(
      "WRONGPASS",
    );
    await engine.close();
  },
);

withRedis("Redis with sentinels, both with TLS, each with its own name and password", async () => {
  const engine = await startRedis((port) =>
    asArguments([...redisTls(port), "user default off", "user master on >m@ster ~* &* +@all"]),
  );
  const sentinel = await startSentinel("usher-secure", engine.port, (port) => [
    ...redisTls(port),
    "tls-replication yes",
    "sentinel auth-user usher-secure master",
    "sentinel auth-pass usher-secure m@ster",
    "user default off",
    "user watcher on >w@tch ~* &* +@all",
  ]);
  const right = {
    ...TLS("REDIS"),
    REDIS_SENTINELS: `127.0.0.1:${sentinel.port}`,
    REDIS_SENTINEL_NAME: "usher-secure",
    REDIS_TLS: "true",
    REDIS_USERNAME: "master",
    REDIS_PASSWORD: "m@ster",
    REDIS_SENTINEL_USERNAME: "watcher",
    REDIS_SENTINEL_PASSWORD: "w@tch",
  };
  await exchange(redis(right));
  // The same server is used for presence.
  const single = await openRedis(getRedisServer(parseConfig(right)), () => {});
  await single.connect();
  expect(await single.acl("WHOAMI")).toBe("master");
  single.disconnect();
  await expectRejected((onError) => redis({ ...right, REDIS_SENTINEL_PASSWORD: "wrong" }, onError));
  await expectRejected((onError) => redis({ ...right, REDIS_PASSWORD: "wrong" }, onError));
  await expectRejected((onError) => redis(without(right, "REDIS_TLS_CA_FILE"), onError));
  await sentinel.close();
  await engine.close();
});

withNats(
  "NATS over TLS: with the authority and our certificate only, and never in the clear where TLS is asked for",
  async () => {
    const engine = await startNats([
      "--tlsverify",
      "--tlscert",
      server.cert,
      "--tlskey",
      server.key,
      "--tlscacert",
      client.cert,
    ]);
    const right = { NATS_URL: `tls://127.0.0.1:${engine.port}`, ...TLS("NATS") };
    await exchange(nats(right));
    await exchange(nats({ ...right, NATS_URL: engine.url }));
    expect(await expectRejected((onError) => nats(without(right, "NATS_TLS_CA_FILE"), onError))).toMatch(
      /certificate/i,
    );
    await expectRejected((onError) => nats(without(right, ...OUR_CERTIFICATE("NATS")), onError));
    await engine.close();
    const plain = await startNats();
    expect(await expectRejected((onError) => nats({ ...TLS("NATS"), NATS_URL: plain.url }, onError))).toContain("tls");
    await plain.close();
  },
);
