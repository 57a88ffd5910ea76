import { z } from "zod";
import {
  bearerToken,
  certificate,
  choice,
  duration,
  flag,
  fraction,
  isNatsUrl,
  origins,
  port,
  privateKey,
  ranges,
  roles,
  sentinels,
  text,
  timeout,
  url,
  wholeNumber,
  workers,
} from "./values.ts";

/**
 * Every option of Usher, once. The environment, `.env`, `--help`, `.env.example` and docs/config.md all come from this table.
 * Later modules add their rows here; an option that nothing reads is not listed.
 */
export interface Option<T = unknown> {
  /** Parses the text of the variable; its error message completes the sentence "NAME must be …". */
  parse: z.ZodType<T, string>;
  /** The text when nothing is set; null means unset is a value of its own. */
  default: string | null;
  help: string;
  /** Never printed, and readable from a file by NAME_FILE. */
  secret?: true;
  /**
   * Whether a change takes effect in the running program (live-config.ts): `page`: set by an admin on the settings page, or in the
   * environment, then SIGHUP; `reload`: in the environment only, for it decides who is trusted. Left out: it needs a restart.
   * Code that needs such an option reads `config.NAME` where it is used, and keeps no copy.
   */
  hot?: "page" | "reload";
  /** On the page for owners alone, since it decides who may come in, whose pages act as people here, or what is thrown away. */
  ownersOnly?: true;
}

const option = <
  T,
  const D extends string | null,
  const M extends Pick<Option, "secret" | "hot" | "ownersOnly"> = object,
>(
  parse: z.ZodType<T, string>,
  fallback: D,
  help: string,
  more: M = {} as M,
) => ({
  parse,
  default: fallback,
  help,
  ...more,
});

const HOT = { hot: "page" } as const;
const HOT_FOR_OWNERS = { hot: "page", ownersOnly: true } as const;

export const OPTIONS = {
  HTTP_HOST: option(text, "0.0.0.0", "Address that HTTP, WebSocket and the pages listen on."),
  HTTP_PORT: option(port, "3003", "Port of HTTP, WebSocket and the pages. PORT is used when it is unset."),
  HTTP_READ_TIMEOUT: option(timeout, "15s", "Longest time a request may take to arrive."),
  HTTP_WRITE_TIMEOUT: option(
    timeout,
    "15s",
    "Longest time an ordinary response may take. Sockets and downloads are exempt.",
  ),
  TLS_CERT_FILE: option(
    text,
    null,
    "File of a certificate (PEM, with its chain): HTTP_PORT and gRPC then speak TLS. Read again when it changes.",
  ),
  TLS_KEY_FILE: option(text, null, "File of the key of TLS_CERT_FILE, PEM without a passphrase."),
  PUBLIC_URL: option(
    url("http:", "https:"),
    null,
    "Where people reach this server, such as https://chat.example.org. Unset: http://localhost:HTTP_PORT.",
  ),
  TRUSTED_PROXIES: option(
    ranges,
    "",
    "Addresses or CIDR ranges whose X-Forwarded-* headers are trusted, separated by commas.",
    { hot: "reload" },
  ),
  ALLOWED_ORIGINS: option(
    origins,
    "",
    "Further origins whose pages may use the API and the socket as the person who visits them: http or https, without a path, " +
      "separated by commas.",
    HOT_FOR_OWNERS,
  ),
  METRICS_ENABLED: option(flag, "true", "Whether Prometheus metrics are served."),
  METRICS_PORT: option(port, "9057", "Port of /metrics."),
  METRICS_HOST: option(
    text,
    "127.0.0.1",
    "Address that METRICS_PORT listens on. Other machines need METRICS_TOKEN or METRICS_ALLOW.",
  ),
  METRICS_TOKEN: option(
    bearerToken,
    null,
    "Token with which other machines read METRICS_PORT, as Authorization: Bearer; at least 16 letters, digits and -._~+/.",
    { secret: true },
  ),
  METRICS_ALLOW: option(
    ranges,
    "",
    "Addresses or CIDR ranges that read METRICS_PORT without a token, separated by commas.",
  ),
  GRPC_HOST: option(
    text,
    null,
    "Address that gRPC listens on. Unset: 127.0.0.1 while the database is embedded, else 0.0.0.0.",
  ),
  GRPC_PORT: option(port, "50057", "Port of gRPC, the API for other services."),
  GRPC_TOKEN: option(
    bearerToken,
    null,
    "A service token that may do everything: at least 16 letters, digits and -._~+/ (openssl rand -hex 32). Unset: on a loopback address gRPC needs no token; " +
      "elsewhere only service tokens that an admin made are good.",
    { secret: true },
  ),
  WS_PING_INTERVAL: option(timeout, "30s", "How often a quiet connection is pinged.", HOT),
  WS_PONG_TIMEOUT: option(timeout, "60s", "A connection that sent nothing for this long is closed.", HOT),
  WS_ALLOW_ANONYMOUS: option(
    flag,
    "true",
    "Whether a connection without a token may join public rooms. When it is switched off, those that are open end.",
    HOT_FOR_OWNERS,
  ),
  WS_MAX_MESSAGE_SIZE: option(wholeNumber(1_024, 16_777_216), "65536", "Maximum bytes of one frame from a client."),
  WS_RATE_LIMIT: option(
    wholeNumber(1, 1_000_000),
    "50",
    "Frames per second that one connection may send in the long run; ten times as many at once, and ten times as many from all " +
      "connections of one person. All anonymous ones of one address have a hundred times as many.",
    HOT,
  ),
  WS_BYTE_LIMIT: option(
    wholeNumber(1_024, 1_000_000_000),
    "524288",
    "Bytes per second that one connection may send in the long run; ten times as many at once.",
    HOT,
  ),
  WS_CONNECT_LIMIT: option(
    wholeNumber(1, 1_000_000),
    "5000",
    "Handshakes per second that one node accepts from all clients; beyond, it refuses them for a second (503).",
    HOT,
  ),
  HTTP_RATE_LIMIT: option(
    wholeNumber(60, 100_000_000),
    "6000",
    "Requests per minute from one address, the pages among them, and as many handshakes and open anonymous connections; ten times as " +
      "many for the pages' files with a hash in their names. A person has a fifth of " +
      "the requests and a sixtieth of the connections. All nodes count together.",
    HOT,
  ),
  SERVICE_RATE_LIMIT: option(
    wholeNumber(1, 1_000_000),
    "5000",
    "Requests per second that one service token may make, over HTTP and gRPC together.",
    HOT,
  ),
  DIALECTS: option(
    flag,
    "on",
    "Whether the paths of the first clients are served beside /ws and /api/v1: /v1/ws, /api/login, /api/message/ws and others.",
  ),
  DATABASE_URL: option(
    url("postgres:", "postgresql:"),
    null,
    "PostgreSQL to use. Unset: an embedded one in DATA_DIR.",
    { secret: true },
  ),
  BROKER: option(
    choice(["auto", "memory", "redis", "nats", "postgres"]),
    "auto",
    "By what several nodes wake each other. auto: Redis when it is configured, else NATS when it is, else PostgreSQL when " +
      "DATABASE_URL is set, else memory, for one node.",
  ),
  REDIS_URL: option(
    url("redis:", "rediss:"),
    null,
    "Redis or Valkey as redis://user:password@host:6379; rediss:// for TLS. In place of REDIS_HOST.",
    { secret: true },
  ),
  REDIS_HOST: option(text, null, "Host of Redis, in place of REDIS_URL."),
  REDIS_PORT: option(port, "6379", "Port of REDIS_HOST."),
  REDIS_USERNAME: option(
    text,
    null,
    "Usher's user in Redis (ACL), at REDIS_HOST or found by REDIS_SENTINELS. Unset: the default user.",
  ),
  REDIS_PASSWORD: option(text, null, "Password of Redis, at REDIS_HOST or found by REDIS_SENTINELS.", { secret: true }),
  REDIS_DB: option(
    wholeNumber(0, 1_000_000),
    "0",
    "Database of Redis. Messages between nodes are the same in all databases: clusters are separated by a name of their own.",
  ),
  REDIS_POOL_SIZE: option(
    wholeNumber(1, 1_000_000),
    "100",
    "Accepted so that older settings go on working. Usher shares its few connections to Redis; there is no pool to size.",
  ),
  REDIS_SENTINELS: option(
    sentinels,
    "",
    "Addresses of Redis sentinels, host:port with commas between: the master that they name is used.",
  ),
  REDIS_SENTINEL_NAME: option(text, null, "What the sentinels call the master, such as mymaster."),
  REDIS_SENTINEL_USERNAME: option(text, null, "Usher's user at the sentinels (ACL). Unset: the default user."),
  REDIS_SENTINEL_PASSWORD: option(text, null, "Password of the sentinels, when they have one.", { secret: true }),
  REDIS_TLS: option(
    flag,
    "false",
    "Whether Redis at REDIS_HOST, or found by REDIS_SENTINELS and the sentinels too, speaks TLS. In REDIS_URL that is rediss://.",
  ),
  REDIS_TLS_CA: option(
    certificate,
    null,
    "Certificates of the authority for Redis (PEM), in place of the system's; REDIS_TLS_CA_FILE names their file.",
  ),
  REDIS_TLS_CERT: option(certificate, null, "Certificate by which Redis knows Usher (PEM); or REDIS_TLS_CERT_FILE."),
  REDIS_TLS_KEY: option(privateKey, null, "Key of REDIS_TLS_CERT (PEM); or REDIS_TLS_KEY_FILE.", { secret: true }),
  REDIS_SOURCE: option(
    flag,
    "off",
    "Whether what others publish on the Redis channels booking:events, payment:events, ticket:events and broadcast:all is passed " +
      "on. All who can publish there can then send anything to any user.",
  ),
  NATS_URL: option(
    z
      .string()
      .refine((value) => value.split(",").every(isNatsUrl), "nats://host:4222 or tls://host, or several with commas"),
    null,
    "NATS as nats://host:4222, nats://user:password@host, nats://token@host or tls://host; several with commas between.",
    { secret: true },
  ),
  NATS_TLS_CA: option(
    certificate,
    null,
    "Certificates of the authority for NATS (PEM), in place of the system's; NATS_TLS_CA_FILE names their file.",
  ),
  NATS_TLS_CERT: option(certificate, null, "Certificate by which NATS knows Usher (PEM); or NATS_TLS_CERT_FILE."),
  NATS_TLS_KEY: option(privateKey, null, "Key of NATS_TLS_CERT (PEM); or NATS_TLS_KEY_FILE.", { secret: true }),
  DATA_DIR: option(
    text,
    "./data",
    "Folder of the embedded database. Everything is in that, also the keys that tokens are signed with; with DATABASE_URL nothing is written here.",
  ),
  ROLES: option(
    roles,
    "all",
    "What this node does: all, or some of edge (sockets, streams, gRPC), api (REST, gRPC), worker (webhooks and other " +
      "background work), web (pages), separated by commas.",
  ),
  WORKERS: option(
    workers,
    "1",
    "Processes that share the port and the work of this machine: a number, or auto for one per processor (Linux only).",
  ),
  DRAIN_TIME: option(timeout, "3s", "Time over which a node that stops sends its connections to others."),
  MIGRATE_ON_START: option(flag, "true", "Whether the schema is brought up to date at start."),
  LOG_RETENTION: option(duration, "48h", "How long entries stay in the log for recovery.", HOT_FOR_OWNERS),
  LOG_MAX_BYTES: option(
    wholeNumber(67_108_864, 1e15),
    "10737418240",
    "Maximum bytes of the log; the oldest partitions go first.",
    HOT_FOR_OWNERS,
  ),
  WEBHOOKS_ALLOW_PRIVATE: option(
    flag,
    "false",
    "Whether webhooks may go to http and to private addresses. For development: it opens this network to every admin.",
  ),
  // Not on the page: an admin could have forgotten what they did.
  AUDIT_RETENTION: option(duration, "8760h", "How long what admins did stays in the audit log.", { hot: "reload" }),
  JWT_SECRET: option(
    text,
    null,
    "Secret of at least 32 bytes for HS256 tokens of other issuers. Unset: such tokens are refused.",
    { secret: true, hot: "reload" },
  ),
  JWT_ISSUER: option(text, null, "The `iss` that tokens of other issuers must carry.", { hot: "reload" }),
  JWT_AUDIENCE: option(text, null, "The `aud` that tokens of other issuers must carry.", { hot: "reload" }),
  JWKS_URL: option(url("http:", "https:"), null, "Where the keys of another issuer are (RS256, ES256, EdDSA).", {
    hot: "reload",
  }),
  ACCESS_TOKEN_TTL: option(duration, "15m", "Life of an access token."),
  SESSION_TTL: option(duration, "720h", "A sign-in that was not used for this long ends."),
  REGISTRATION: option(
    choice(["open", "invite", "closed"]),
    "open",
    "Who may register once the owner's account exists.",
    HOT_FOR_OWNERS,
  ),
  SMTP_URL: option(url("smtp:", "smtps:"), null, "Mail server. Unset: reset links show on the owner's page.", {
    secret: true,
  }),
  MAIL_FROM: option(text, null, "Sender of mails. Unset: usher@ and the host of PUBLIC_URL."),
  OTEL_EXPORTER_OTLP_ENDPOINT: option(
    url("http:", "https:"),
    null,
    "Collector of traces, by OTLP over HTTP, such as http://localhost:4318. Unset: nothing is traced.",
  ),
  OTEL_EXPORTER_OTLP_HEADERS: option(text, null, "Headers for the collector: name=value, separated by commas.", {
    secret: true,
  }),
  OTEL_TRACES_SAMPLER_ARG: option(
    fraction,
    "0.1",
    "Part of the requests and commands that is traced, from 0 to 1. A caller's traceparent decides for its own requests.",
  ),
  LOG_LEVEL: option(
    choice(["trace", "debug", "info", "warn", "error", "silent"]),
    "info",
    "Minimum level that is logged.",
    HOT,
  ),
  LOG_FORMAT: option(
    choice(["json", "pretty"]),
    null,
    "json: one object a line; pretty: for people. Unset: pretty in a terminal, json everywhere else.",
  ),
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof OPTIONS;

type Hot<H> = { [K in OptionName]: (typeof OPTIONS)[K] extends { hot: H } ? K : never }[OptionName];
/** Options that change in the running program. */
export type HotName = Hot<"page" | "reload">;

type Parsed<O> = O extends { parse: z.ZodType<infer T, string>; default: infer D }
  ? D extends null
    ? T | null
    : T
  : never;

/** The options as the program sees them: durations in ms, flags as booleans, lists as arrays, null where unset. */
export type Config = { readonly [K in OptionName]: Parsed<(typeof OPTIONS)[K]> };
