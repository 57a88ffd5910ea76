import { isatty } from "node:tty";
import { type DestinationStream, type Logger, pino } from "pino";
import type { Config } from "../config/options.ts";
import { currentIds } from "./context.ts";
import { errorFields, scrub } from "./scrub.ts";

export type { Logger } from "pino";

/** Fields that never reach a log, wherever an object with them is logged (up to two levels down). */
const SECRETS = ["password", "token", "access_token", "refresh_token", "authorization", "cookie", "secret"];

/**
 * The program's log, on standard output. Modules take a child: `logger.child({ name: "chat" })`; another `level` of the log holds
 * for its children too.
 *
 * @param out where lines go, for tests; standard output when left out
 */
export function createLogger(config: Pick<Config, "LOG_LEVEL" | "LOG_FORMAT">, out?: DestinationStream): Logger {
  const format = config.LOG_FORMAT ?? (out === undefined && isatty(1) ? "pretty" : "json");
  const lines = out ?? pino.destination({ fd: 1, sync: true });
  return pino(
    {
      level: config.LOG_LEVEL,
      base: null,
      mixin: currentIds,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
      hooks: { streamWrite: scrub },
      redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[redacted]" },
    },
    format === "pretty" ? pretty(lines) : lines,
  );
}

/**
 * A URL's path and query without what grants access: `/ws?token=abc` → `/ws?token=[redacted]`. Everything that our links
 * carry is among it: `/reset/<token>`, `/register?invite=<code>`.
 */
export function redactUrl(url: string): string {
  return url.replace(/[?&][^&#]*/g, redactParameter).replace(/(\/reset\/)[^?#]+/gi, "$1[redacted]");
}

/** `?token=abc` or `&token=abc`. Name and value are split first: one pattern for both would look for the name from each letter. */
function redactParameter(parameter: string): string {
  const valueAt = parameter.indexOf("=") + 1;
  const name = parameter.slice(0, valueAt);
  return /code|invite|token|secret|key|password/i.test(name) ? `${name}[redacted]` : parameter;
}

/** One line for people: time, level, name, message, then the other fields; a stack on lines of its own. */
function pretty(out: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { level, time, name, msg, err, ...fields } = JSON.parse(line);
      const rest = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      const head = [time.slice(11, 23), level.toUpperCase().padEnd(5), name && `[${name}]`, msg ?? err?.message];
      const stack = err?.stack ? `\n${err.stack}` : "";
      out.write(`${[...head, ...rest].filter(Boolean).join(" ")}${stack}\n`);
    },
  };
}
