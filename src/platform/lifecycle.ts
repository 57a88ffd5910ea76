import type { Logger } from "pino";

/**
 * The parts of the running program, in the order they were started. Stopping goes backwards, one part after the other,
 * each within its own time: a part that hangs is named in the log and abandoned.
 */
export interface Lifecycle {
  /**
   * Starts a part and remembers how to stop it.
   *
   * @param timeoutMs ms that stopping may take
   */
  start<T>(name: string, begin: () => T | Promise<T>, stop: (part: T) => unknown, timeoutMs?: number): Promise<T>;
  /** Stops everything that was started. Repeated calls wait for the first. Never throws: what fails is logged. */
  stop(): Promise<void>;
  /** True from the first call of `stop`. */
  readonly isStopping: boolean;
}

interface Part {
  name: string;
  stop: () => unknown;
  timeoutMs: number;
}

export function createLifecycle(logger: Logger): Lifecycle {
  const parts: Part[] = [];
  let stopped: Promise<void> | null = null;

  async function stopAll(): Promise<void> {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) await stopPart(part, logger);
  }

  return {
    async start(name, begin, stop, timeoutMs = 5_000) {
      const part = await begin();
      if (stopped !== null) {
        // A signal came while this part was starting: the others are stopping already.
        await stopPart({ name, stop: () => stop(part), timeoutMs }, logger);
        throw new Error(`The program is stopping; ${name} was not started.`);
      }
      parts.push({ name, stop: () => stop(part), timeoutMs });
      return part;
    },
    stop() {
      stopped ??= stopAll();
      return stopped;
    },
    get isStopping() {
      return stopped !== null;
    },
  };
}

async function stopPart({ name, stop, timeoutMs }: Part, logger: Logger): Promise<void> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), timeoutMs);
  const began = performance.now();
  try {
    const outcome = await Promise.race([Promise.resolve(stop()), late.promise]);
    if (outcome === "late") logger.warn({ part: name, timeoutMs }, "a part did not stop in time and was abandoned");
    else logger.debug({ part: name, ms: Math.round(performance.now() - began) }, "stopped");
  } catch (error) {
    logger.error({ part: name, err: error }, "a part failed to stop");
  } finally {
    clearTimeout(timer);
  }
}

/** How long a stop after a defect may take: all parts together have longer, but what they depend on may be broken. */
const UNCAUGHT_STOP_MS = 15_000;

/**
 * An uncaught error is a defect, after which the state of the program is unknown: it is logged, the parts are
 * stopped as well as they can be, and the process ends with code 1, for the supervisor to start it again.
 */
export function stopOnUncaughtError(lifecycle: Lifecycle, logger: Logger): void {
  let first = true;
  const stop = (error: unknown) => {
    logger.fatal({ err: error }, "uncaught error: the program stops");
    if (!first) return;
    first = false;
    setTimeout(() => process.exit(1), UNCAUGHT_STOP_MS);
    void lifecycle.stop().finally(() => process.exit(1));
  };
  process.on("uncaughtException", stop);
  process.on("unhandledRejection", stop);
}

/** Ctrl+C reaches the process twice when it runs under npm: from the terminal, and a moment later from npm. */
const REPEATED_SIGNAL_MS = 1_000;

/**
 * Resolves at the first SIGTERM or SIGINT. A second one, unless it is the echo of the first, ends the process at once with
 * code 1, for an operator who does not want to wait.
 *
 * @param isWorker only its parent ends it: Ctrl+C reaches all processes of a terminal, and the parent decides when
 */
export function waitForSignal(isWorker = false): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | null = null;
    const handle = (signal: NodeJS.Signals) => {
      if (first !== null && performance.now() - first > REPEATED_SIGNAL_MS) process.exit(1);
      first ??= performance.now();
      resolve(signal);
    };
    process.on("SIGTERM", handle);
    process.on("SIGINT", (signal) => isWorker || handle(signal));
  });
}
