import { ConfigError, type ConfigMistake, findContradictions, parseOption } from "./load.ts";
import { findNearMiss } from "./near-miss.ts";
import { type Config, type HotName, OPTIONS, type Option, type OptionName } from "./options.ts";
import { isDuration } from "./values.ts";

/** The settings of a running program: the environment's, and over them what admins have set. */
export interface LiveConfig {
  /** Hot options change in place: read them where they are used. All others stay what they were at the start. */
  readonly config: Config;
  /**
   * Reads the environment, `.env` and the files again. Throws a ConfigError when something is wrong; then nothing has changed.
   *
   * @returns which options changed now, and which were changed but need a restart
   */
  reload(): { changed: HotName[]; restart: OptionName[] };
  /** Throws a ConfigError when these texts could not override the environment. */
  check(texts: ReadonlyMap<string, string>): void;
  /** Overrides the environment with these texts, by name, which replace all earlier ones. Throws like `check`; then nothing has changed. */
  override(texts: ReadonlyMap<string, string>): HotName[];
  /** Called after hot options have changed, in the same tick. */
  onChange(listener: (changed: ReadonlySet<HotName>) => void): void;
}

const ROWS = Object.entries(OPTIONS) as [OptionName, Option][];
const HOT = ROWS.filter(([, { hot }]) => hot !== undefined).map(([name]) => name as HotName);
const ON_PAGE: readonly string[] = ROWS.filter(([, { hot }]) => hot === "page").map(([name]) => name);

/**
 * @param start as read at the start
 * @param read reads them again; throws a ConfigError
 */
export function createLiveConfig(start: Config, read: () => Config): LiveConfig {
  const config: Config = { ...start };
  const listeners: ((changed: ReadonlySet<HotName>) => void)[] = [];
  let environment = start;
  let overrides: ReadonlyMap<string, string> = new Map();

  function apply(next: Config): HotName[] {
    const changed = HOT.filter((name) => formatOption(name, config[name]) !== formatOption(name, next[name]));
    Object.assign(config, Object.fromEntries(changed.map((name) => [name, next[name]])));
    if (changed.length > 0) for (const listener of listeners) listener(new Set(changed));
    return changed;
  }

  return {
    config,
    reload() {
      const next = read();
      const combined = combine(next, overrides);
      environment = next;
      const hot: readonly string[] = HOT;
      const restart = ROWS.map(([name]) => name).filter(
        (name) => !hot.includes(name) && formatOption(name, next[name]) !== formatOption(name, config[name]),
      );
      return { changed: apply(combined), restart };
    },
    check: (texts) => void combine(environment, texts),
    override(texts) {
      const combined = combine(environment, texts);
      overrides = new Map(texts);
      return apply(combined);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Whether an option is one that owners alone set on the page. */
export function isOwnersOnly(name: string): boolean {
  return findOption(name)?.ownersOnly ?? false;
}

function findOption(name: string): Option | undefined {
  return Object.hasOwn(OPTIONS, name) ? (OPTIONS as Record<string, Option>)[name] : undefined;
}

/** Why an option cannot be set on the page, in a sentence; null when it can. */
export function findNameMistake(name: string): string | null {
  if (ON_PAGE.includes(name)) return null;
  const option = findOption(name);
  if (option?.hot === "reload") return `${name} is set in the environment only; SIGHUP has it read again.`;
  if (option) return `${name} is set in the environment only, and needs a restart.`;
  const meant = findNearMiss(name, Object.keys(OPTIONS));
  return `Usher does not know ${name}.${meant ? ` Did you mean ${meant}?` : ""}`;
}

/** An option's value as it would be written in the environment; null when unset. */
export function formatOption(name: OptionName, value: Config[OptionName]): string | null {
  if (value === null) return null;
  if (typeof value === "object") return value.join(",");
  return typeof value === "number" && isDuration(OPTIONS[name].parse) ? formatDuration(value) : String(value);
}

function combine(environment: Config, texts: ReadonlyMap<string, string>): Config {
  const mistakes: ConfigMistake[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, text] of texts) {
    try {
      const message = findNameMistake(name);
      if (message !== null) throw new ConfigError([{ message, options: [name] }]);
      values[name] = parseOption(name as OptionName, text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      mistakes.push(...error.mistakes);
    }
  }
  const config = { ...environment, ...values };
  if (mistakes.length === 0) mistakes.push(...findContradictions(config));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  const units = [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
    ["ms", 1],
  ] as const;
  let rest = ms;
  return units
    .map(([unit, size]) => {
      const amount = Math.floor(rest / size);
      rest -= amount * size;
      return amount === 0 ? "" : `${amount}${unit}`;
    })
    .join("");
}
