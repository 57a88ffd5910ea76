/** A process that runs or has run: the part of the runtime's `Subprocess` that is used here. */
export interface SupervisedChild {
  readonly exited: Promise<unknown>;
  readonly exitCode: number | null;
  /** The signal that ended it. */
  readonly signalCode: string | number | null;
  kill(signal: NodeJS.Signals): void;
}

/** First and longest wait before a process is started again, ms. */
export interface Backoff {
  first: number;
  max: number;
}

export interface SupervisorOptions<Child> {
  /** Starts the process; called for every start. */
  spawn: () => Child;
  /** It ended although `stop` was not called, and is started again in `waitMs`. */
  onEnd(ended: { code: number | null; signal: string | number | null }, waitMs: number): void;
  backoff?: Backoff;
  /** A process that ran for at least so long did not fail to start: the next wait is the first again. */
  stableMs?: number;
  /** How long after SIGTERM the process is killed, ms. Left out: never, for it has work to finish. */
  killAfterMs?: number;
}

const BACKOFF: Backoff = { first: 200, max: 10_000 };
const STABLE_MS = 30_000;

/**
 * Keeps one process running: started again when it ends, sooner at first, later when it keeps ending. When it is ready, its owner
 * has to find out.
 */
export class ChildSupervisor<Child extends SupervisedChild> {
  readonly #options: SupervisorOptions<Child>;
  readonly #backoff: Backoff;
  #child: Child | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #waitMs: number;
  #isStopping = false;

  constructor(options: SupervisorOptions<Child>) {
    this.#options = options;
    this.#backoff = options.backoff ?? BACKOFF;
    this.#waitMs = this.#backoff.first;
  }

  /** The process that runs now; null before the start, between two runs and after the end. */
  get child(): Child | null {
    return this.#child;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  start(): void {
    this.#timer = null;
    const startedAt = performance.now();
    const child = this.#options.spawn();
    this.#child = child;
    void child.exited.then(() => this.#onExit(child, performance.now() - startedAt));
  }

  #onExit({ exitCode, signalCode }: Child, ranMs: number): void {
    this.#child = null;
    if (this.#isStopping) return;
    if (ranMs >= (this.#options.stableMs ?? STABLE_MS)) this.#waitMs = this.#backoff.first;
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(waitMs * 2, this.#backoff.max);
    this.#timer = setTimeout(() => this.start(), waitMs);
    this.#options.onEnd({ code: exitCode, signal: signalCode }, waitMs);
  }

  /** Ends it for good: SIGTERM, and SIGKILL after `killAfterMs`. Resolves when it has gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null) return;
    child.kill("SIGTERM");
    const { killAfterMs } = this.#options;
    const timer = killAfterMs === undefined ? null : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    await child.exited;
    if (timer !== null) clearTimeout(timer);
  }
}
