/** The groups of settings, in the order of the page. A setting belongs to the first pattern that matches its name. */
const SETTING_GROUPS = [
  { title: "People and sign-in", names: /^(REGISTRATION|SESSION_|ACCESS_TOKEN_|JWT_|JWKS_)/ },
  { title: "Mail", names: /^(SMTP_|MAIL_)/ },
  { title: "Limits", names: /(_RATE|_BYTE|_CONNECT)_LIMIT$|^WS_MAX_/ },
  { title: "Connections", names: /^WS_/ },
  { title: "History and storage", names: /^(LOG_RETENTION|LOG_MAX|AUDIT_|DATABASE_|DATA_DIR|MIGRATE_)/ },
  { title: "Logs, metrics and traces", names: /^(LOG_|METRICS_|OTEL_)/ },
  { title: "Nodes and brokers", names: /^(BROKER|REDIS_|NATS_|ROLES|WORKERS|DRAIN_)/ },
  { title: "Web and API", names: /^(HTTP_|TLS_|PUBLIC_|TRUSTED_|ALLOWED_|GRPC_|DIALECTS|WEBHOOKS_)/ },
] as const;

const OTHER = "Other";

/** The titles of the settings that can be changed on the page. */
const TITLES: Readonly<Record<string, string>> = {
  ALLOWED_ORIGINS: "Allowed origins",
  HTTP_RATE_LIMIT: "Requests from one address",
  LOG_LEVEL: "Log level",
  LOG_MAX_BYTES: "Size of the history",
  LOG_RETENTION: "Age of the history",
  REGISTRATION: "Registration",
  SERVICE_RATE_LIMIT: "Requests of one service",
  WS_ALLOW_ANONYMOUS: "Connections without an account",
  WS_BYTE_LIMIT: "Bytes of one connection",
  WS_CONNECT_LIMIT: "New connections of one node",
  WS_PING_INTERVAL: "Ping interval",
  WS_PONG_TIMEOUT: "Connection timeout",
  WS_RATE_LIMIT: "Frames of one connection",
};

/** The title of a setting; its name where it has none. */
export function settingTitle(name: string): string {
  return TITLES[name] ?? name;
}

/** The title of the group that a setting belongs to. */
export function settingGroup(name: string): string {
  return SETTING_GROUPS.find(({ names }) => names.test(name))?.title ?? OTHER;
}

/** Settings by group; empty groups are left out. */
export function groupSettings<T extends { name: string }>(settings: readonly T[]): { title: string; settings: T[] }[] {
  return [...SETTING_GROUPS.map(({ title }) => title), OTHER]
    .map((title) => ({ title, settings: settings.filter(({ name }) => settingGroup(name) === title) }))
    .filter(({ settings }) => settings.length > 0);
}
