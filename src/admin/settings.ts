import { findNameMistake, formatOption, isOwnersOnly, type LiveConfig } from "../config/live-config.ts";
import { ConfigError, parseOption } from "../config/load.ts";
import { type Config, type HotName, OPTIONS, type Option, type OptionName } from "../config/options.ts";
import { getChoices } from "../config/values.ts";
import { type AuditActor, recordAudit, SYSTEM } from "../platform/audit.ts";
import type { UserCaller } from "../platform/caller.ts";
import { AppError, type FieldError, invalidFields } from "../platform/errors.ts";
import type { AdminDeps } from "./deps.ts";
import { deleteSetting, lockSettings, readSettings, upsertSetting } from "./store/settings.ts";

const ROOM = "_settings";

/** Wrong names reported at once: a response must not be larger than the request. */
const MAX_ERRORS = 50;

export interface Setting {
  name: string;
  /** As written in the environment; null: unset, or a secret. */
  value: string | null;
  default: string | null;
  help: string;
  /** The values that it can have, where these are few. */
  choices: string[] | null;
  secret: boolean;
  /** When a change takes effect: `now`: it can be set here; `reload`: in the environment, then SIGHUP; `restart`. */
  change: "now" | "reload" | "restart";
  /** Only an owner can set it here. */
  owners_only: boolean;
  /** Who overrode the environment; null: the value is the environment's. */
  set_by: string | null;
  set_at: string | null;
}

/** What admins set on any node: stored in the database, overriding the environment of every node. */
export interface Settings {
  /** Applies the stored settings, and follows their changes. */
  start(): Promise<void>;
  list(): Promise<Setting[]>;
  /**
   * Sets options by name, null: the environment's value again. In force on this node when it resolves, on the others within a second.
   * Throws `invalid` with a sentence for each name that is wrong, and `forbidden` for options of owners; then nothing has changed.
   */
  change(who: AuditActor<UserCaller>, changes: Readonly<Record<string, string | null>>): Promise<Setting[]>;
}

export function createSettings({ sql, transaction, live, realtime, logger }: AdminDeps): Settings {
  let queue: Promise<void> = Promise.resolve();

  /** Reads run one after another, so that an older result never comes last. */
  function applyStored(): Promise<void> {
    queue = queue.then(async () => {
      const stored = filterValid(await readSettings(sql), (name, mistake) =>
        logger.error({ setting: name }, `a stored setting is ignored: ${mistake}`),
      );
      try {
        const changed = live.override(stored);
        if (changed.length > 0) logger.info({ changed: formatChanged(live, changed) }, "settings changed");
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        logger.error(
          { mistakes: error.mistakes.map(({ message }) => message) },
          "the settings contradict this node's environment; nothing changed",
        );
      }
    });
    const outcome = queue;
    queue = queue.catch(() => {});
    return outcome;
  }

  function refresh(): void {
    applyStored().catch((error: unknown) => {
      logger.error({ err: error }, "the settings could not be read; tried again");
      setTimeout(refresh, 1_000).unref();
    });
  }

  return {
    async start() {
      realtime.watch(ROOM, { entry: refresh, interrupted: refresh });
      await applyStored();
    },

    async list() {
      const stored = new Map((await readSettings(sql)).map((row) => [row.name, row]));
      return (Object.entries(OPTIONS) as [OptionName, Option][]).map(([name, option]) => {
        const row = stored.get(name);
        return {
          name,
          value: option.secret ? null : formatOption(name, live.config[name]),
          default: option.default === null ? null : formatDefault(name, option.default),
          help: option.help,
          choices: getChoices(option.parse),
          secret: option.secret ?? false,
          // `page`: it can be changed on this page.
          change: option.hot === "page" ? "now" : (option.hot ?? "restart"),
          owners_only: option.ownersOnly ?? false,
          set_by: row?.set_by ?? null,
          set_at: row?.set_at.toISOString() ?? null,
        };
      });
    },

    async change(who, changes) {
      const names = Object.keys(changes).toSorted();
      refuseUnknown(names);
      if (who.caller.role !== "owner") refuseOwnerOnly(names);
      await transaction({ actor: who.caller.userId, reason: "settings" }, async (tx) => {
        await lockSettings(tx.sql);
        const rows = await readSettings(tx.sql);
        const before = new Map(rows.map(({ name, value }) => [name, value]));
        const after = filterValid(rows, () => {});
        for (const name of names) {
          const value = changes[name]!;
          if (value === null) after.delete(name);
          else after.set(name, value);
        }
        checkSettings(live, after, names);
        for (const name of names.filter((name) => before.get(name) !== after.get(name))) {
          const to = after.get(name) ?? null;
          if (to === null) await deleteSetting(tx.sql, name);
          else await upsertSetting(tx.sql, name, to, who.caller.userId);
          const detail = { from: before.get(name) ?? null, to };
          await recordAudit(tx.sql, who, { action: "setting:changed", subject: `setting:${name}`, detail });
        }
        tx.log(ROOM, "setting:changed", { names });
      });
      await applyStored();
      return this.list();
    },
  };
}

/** In the format of the value, so that the two can be compared: a minute is `1m`, whatever the table says. */
function formatDefault(name: OptionName, text: string): string | null {
  return formatOption(name, parseOption(name, text) as Config[OptionName]);
}

/** Records what a reload of the environment changed. Secrets are named, their values are not. */
export async function recordReload(
  { sql, live, node }: Pick<AdminDeps, "sql" | "live" | "node">,
  changed: readonly HotName[],
): Promise<void> {
  const detail = { changed: formatChanged(live, changed) };
  await sql.begin((tx) => recordAudit(tx, SYSTEM, { action: "config:reloaded", subject: `node:${node()}`, detail }));
}

function formatChanged(live: LiveConfig, names: readonly HotName[]): Record<string, string | null> {
  const format = (name: HotName) => ("secret" in OPTIONS[name] ? "[changed]" : formatOption(name, live.config[name]));
  return Object.fromEntries(names.map((name) => [name, format(name)]));
}

/** The stored settings, without those that are not settable or not valid in this release: another release may have written them. */
function filterValid(
  rows: readonly { name: string; value: string }[],
  onSkipped: (name: string, mistake: string) => void,
): Map<string, string> {
  const valid = new Map<string, string>();
  for (const { name, value } of rows) {
    const mistake = findNameMistake(name) ?? findValueMistake(name as OptionName, value);
    if (mistake === null) valid.set(name, value);
    else onSkipped(name, mistake);
  }
  return valid;
}

function findValueMistake(name: OptionName, value: string): string | null {
  try {
    parseOption(name, value);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

function refuseUnknown(names: readonly string[]): void {
  const errors: FieldError[] = [];
  for (const name of names) {
    const message = findNameMistake(name);
    if (message !== null) errors.push({ pointer: `/${name}`, code: "unknown_field", message });
    // Each is checked together with all others.
    if (errors.length === MAX_ERRORS) break;
  }
  if (errors.length > 0) throw invalidFields(errors, joinMessages(errors));
}

function refuseOwnerOnly(names: readonly string[]): void {
  const errors = names.filter(isOwnersOnly).map((name) => ({
    pointer: `/${name}`,
    code: "forbidden",
    message: `Only an owner changes ${name}: it decides who has access, or what is deleted.`,
  }));
  if (errors.length > 0) throw new AppError("forbidden", joinMessages(errors), { errors });
}

function checkSettings(live: LiveConfig, texts: ReadonlyMap<string, string>, names: readonly string[]): void {
  try {
    live.check(texts);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const errors = error.mistakes.map(({ message, options }) => {
      const name = options.find((option) => names.includes(option));
      return { pointer: name === undefined ? "" : `/${name}`, code: "invalid_value", message };
    });
    throw invalidFields(errors, joinMessages(errors));
  }
}

function joinMessages(errors: readonly FieldError[]): string {
  return errors.map(({ message }) => message).join(" ");
}
