import { isLoopback } from "./address-list.ts";
import { parseDotenv } from "./dotenv.ts";
import { findNearMiss } from "./near-miss.ts";
import { type Config, OPTIONS, type OptionName } from "./options.ts";
import { StartError } from "./start-error.ts";

/** Something that is wrong with the settings. */
export interface ConfigMistake {
  /** A sentence. */
  message: string;
  /** The options that it is about, first the one to change; empty when it is about the sources: `.env`, a file, an unknown name. */
  options: readonly string[];
}

/** Everything that is wrong with the settings. */
export class ConfigError extends StartError {
  readonly mistakes: readonly ConfigMistake[];

  constructor(mistakes: readonly ConfigMistake[]) {
    super(mistakes.map(({ message }) => message).join("\n"));
    this.mistakes = mistakes;
  }
}

export interface Sources {
  /** The process's environment. */
  environment: Record<string, string | undefined>;
  /** The text of `.env` in the working directory; null when there is none. */
  dotenv: string | null;
  /** Reads the file that a `NAME_FILE` names. */
  readFile: (path: string) => string;
}

const NAMES = Object.keys(OPTIONS) as OptionName[];
const FILE_NAMES = NAMES.map((name) => `${name}_FILE`);
/** The name that many hosting platforms and clients use. */
const ALIASES: Readonly<Record<string, OptionName>> = { PORT: "HTTP_PORT" };
const KNOWN: readonly string[] = [...NAMES, ...FILE_NAMES, ...Object.keys(ALIASES)];

/**
 * Reads the settings: the environment over `.env` over the defaults. An empty value counts as unset.
 * `NAME_FILE` gives the file that holds the value of NAME.
 *
 * @throws ConfigError with a sentence for every mistake, all at once
 */
export function loadConfig(sources: Sources): Config {
  const unreadable: string[] = [];
  const texts = readTexts(sources, unreadable);
  const mistakes: ConfigMistake[] = unreadable.map((message) => ({ message, options: [] }));
  const wrong = new Set<OptionName>();
  const values = NAMES.map((name) => [
    name,
    parse(name, texts.get(name), (message) => {
      mistakes.push({ message, options: [name] });
      wrong.add(name);
    }),
  ]);
  const config = Object.fromEntries(values) as Config;
  mistakes.push(...findContradictions(config, wrong));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

/** The texts that were set, by option, with the files read. */
function readTexts({ environment, dotenv, readFile }: Sources, mistakes: string[]): Map<OptionName, string> {
  const file = parseDotenv(dotenv ?? "");
  mistakes.push(...file.mistakes);
  for (const { name, line } of file.entries) {
    if (KNOWN.includes(name)) continue;
    const meant = findNearMiss(name, KNOWN);
    mistakes.push(
      `Line ${line} of .env sets ${name}, which Usher does not know.${meant ? ` Did you mean ${meant}?` : ""}`,
    );
  }
  for (const name of Object.keys(environment)) {
    const meant = findNearMiss(name, KNOWN);
    if (meant) mistakes.push(`The environment sets ${name}. Did you mean ${meant}? Otherwise unset it.`);
  }
  const fromFile = Object.fromEntries(file.entries.map(({ name, value }) => [name, value]));
  const fromEnvironment = Object.fromEntries(Object.entries(environment).filter(([, value]) => !isServiceLink(value)));
  const texts = new Map<OptionName, string>();
  for (const layer of [fromFile, fromEnvironment]) {
    for (const [alias, name] of Object.entries(ALIASES)) if (layer[alias]) texts.set(name, layer[alias]);
    for (const name of NAMES) {
      const text = readText(name, layer, readFile, mistakes);
      if (text !== null) texts.set(name, text);
    }
  }
  return texts;
}

/** Kubernetes sets HTTP_PORT=tcp://10.0.0.1:3003 for a service that is called "http": not meant for us. */
function isServiceLink(value: string | undefined): boolean {
  return value?.startsWith("tcp://") ?? false;
}

function readText(
  name: OptionName,
  layer: Record<string, string | undefined>,
  readFile: (path: string) => string,
  mistakes: string[],
): string | null {
  const text = layer[name] || null;
  const path = layer[`${name}_FILE`] || null;
  if (path === null) return text;
  if (text !== null) {
    mistakes.push(`Both ${name} and ${name}_FILE are set. Keep one of them.`);
    return text;
  }
  try {
    return readFile(path).replace(/\r?\n$/, "");
  } catch (error) {
    mistakes.push(`${name}_FILE names a file that cannot be read (${error instanceof Error ? error.message : error}).`);
    return null;
  }
}

/** The value of one option from its text; throws a ConfigError with a sentence. */
export function parseOption(name: OptionName, text: string): unknown {
  return parse(name, text, (message) => {
    throw new ConfigError([{ message, options: [name] }]);
  });
}

/** What is wrong although each value alone is right. */
export function findContradictions(config: Config, unread: ReadonlySet<OptionName> = new Set()): ConfigMistake[] {
  return CONTRADICTIONS.filter(({ options }) => !options.some((name) => unread.has(name))).flatMap(
    ({ options, find }) => {
      const message = find(config);
      return message === null ? [] : [{ message, options }];
    },
  );
}

function parse(name: OptionName, text: string | undefined, onMistake: (mistake: string) => void): unknown {
  const option = OPTIONS[name];
  const value = text ?? option.default;
  if (value === null) return null;
  const result = option.parse.safeParse(value);
  if (result.success) return result.data;
  const found = "secret" in option ? "" : `, not ${JSON.stringify(value)}`;
  onMistake(`${name} must be ${result.error.issues[0]?.message}${found}.`);
  return null;
}

/** What is wrong although each value alone is right; asked only when all of `options` could be read. */
const CONTRADICTIONS: { options: OptionName[]; find: (config: Config) => string | null }[] = [
  {
    options: ["JWT_SECRET"],
    find({ JWT_SECRET }) {
      const remedy = "Make one of your own with: openssl rand -hex 32.";
      if (JWT_SECRET === "your-jwt-secret") return `JWT_SECRET is the placeholder of an example. ${remedy}`;
      const short = JWT_SECRET !== null && Buffer.byteLength(JWT_SECRET) < 32;
      return short ? `JWT_SECRET must have at least 32 bytes. ${remedy}` : null;
    },
  },
  {
    options: ["BROKER", "REDIS_URL", "REDIS_HOST", "REDIS_SENTINELS", "REDIS_SENTINEL_NAME", "NATS_URL"],
    find({ BROKER, REDIS_URL, REDIS_HOST, REDIS_SENTINELS, REDIS_SENTINEL_NAME, NATS_URL }) {
      const sentinels = REDIS_SENTINELS.length > 0;
      if (sentinels !== (REDIS_SENTINEL_NAME !== null))
        return "REDIS_SENTINELS and REDIS_SENTINEL_NAME belong together. Set both, or neither.";
      const sources = [REDIS_URL !== null, REDIS_HOST !== null, sentinels].filter(Boolean).length;
      if (sources > 1) return "Redis is named more than once. Keep one of REDIS_URL, REDIS_HOST and REDIS_SENTINELS.";
      if (BROKER === "redis" && sources === 0)
        return "BROKER is redis, but nothing says where Redis is. Set REDIS_URL, REDIS_HOST or REDIS_SENTINELS.";
      if (BROKER === "nats" && NATS_URL === null)
        return "BROKER is nats, but nothing says where NATS is. Set NATS_URL, such as nats://localhost:4222.";
      return null;
    },
  },
  {
    options: ["TLS_CERT_FILE", "TLS_KEY_FILE"],
    find({ TLS_CERT_FILE, TLS_KEY_FILE }) {
      if ((TLS_CERT_FILE === null) === (TLS_KEY_FILE === null)) return null;
      return "TLS_CERT_FILE and TLS_KEY_FILE are needed together. Set both, or neither.";
    },
  },
  ...(["REDIS", "NATS"] as const).map((server) => ({
    options: [`${server}_TLS_CERT`, `${server}_TLS_KEY`] as OptionName[],
    find(config: Config) {
      if ((config[`${server}_TLS_CERT`] === null) === (config[`${server}_TLS_KEY`] === null)) return null;
      return `${server}_TLS_CERT and ${server}_TLS_KEY are needed together. Set both, or neither.`;
    },
  })),
  {
    options: ["REDIS_URL", "REDIS_TLS", "REDIS_TLS_CA", "REDIS_TLS_CERT"],
    find({ REDIS_URL, REDIS_TLS, REDIS_TLS_CA, REDIS_TLS_CERT }) {
      const secure = REDIS_TLS || REDIS_TLS_CA !== null || REDIS_TLS_CERT !== null;
      if (!secure || !REDIS_URL?.startsWith("redis:")) return null;
      return "REDIS_URL says redis://, which is without TLS, and REDIS_TLS… is set. Write rediss://, or unset the others.";
    },
  },
  {
    options: ["METRICS_ENABLED", "METRICS_PORT", "HTTP_PORT"],
    find({ METRICS_ENABLED, METRICS_PORT, HTTP_PORT }) {
      const same = METRICS_ENABLED && METRICS_PORT !== 0 && METRICS_PORT === HTTP_PORT;
      return same ? `HTTP_PORT and METRICS_PORT are both ${HTTP_PORT}. Give them different ports.` : null;
    },
  },
  {
    options: ["METRICS_ENABLED", "METRICS_HOST", "METRICS_TOKEN", "METRICS_ALLOW"],
    find({ METRICS_ENABLED, METRICS_HOST, METRICS_TOKEN, METRICS_ALLOW }) {
      const hasNoReaders = METRICS_TOKEN === null && METRICS_ALLOW.length === 0;
      if (!METRICS_ENABLED || isLoopback(METRICS_HOST) || !hasNoReaders) return null;
      return `METRICS_HOST is ${METRICS_HOST}, and nothing says who may read the metrics from there. Set METRICS_TOKEN or METRICS_ALLOW.`;
    },
  },
  {
    options: ["WS_PONG_TIMEOUT", "WS_PING_INTERVAL"],
    find({ WS_PONG_TIMEOUT, WS_PING_INTERVAL }) {
      if (WS_PONG_TIMEOUT > WS_PING_INTERVAL) return null;
      return "WS_PONG_TIMEOUT must be longer than WS_PING_INTERVAL, or quiet clients are closed before they are asked.";
    },
  },
];
