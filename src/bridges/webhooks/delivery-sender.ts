import { randomInt } from "node:crypto";
import type { Clock } from "../../platform/clock.ts";
import { createBatcher } from "../../platform/postgres/batcher.ts";
import type { Sql } from "../../platform/postgres/sql.ts";
import { createSignal, type Signal } from "../../platform/signal.ts";
import type { WebhookLogger } from "./deps.ts";
import { LIMITS } from "./limits.ts";
import type { WebhookMetrics } from "./metrics.ts";
import type { AttemptResult, Post } from "./post.ts";
import { acceptsEntry } from "./rights.ts";
import { getRetryDelay } from "./schedule.ts";
import { signedHeaders } from "./sign.ts";
import { lockEndpoints } from "./store/recording.ts";
import {
  type Claim,
  claimDue,
  type EndedAttempt,
  type Health,
  releaseNext,
  writeEndedAttempts,
  writeHealth,
} from "./store/sending.ts";
import { buildBody } from "./webhook-body.ts";

export interface DeliverySenderDeps {
  sql: Sql;
  post: Post;
  clock: Clock;
  metrics: WebhookMetrics;
  logger: WebhookLogger;
  userAgent: string;
  /** From 0 up to 1; for tests. */
  random?: () => number;
}

/** How often an idle sender polls for deliveries that are due. */
const POLL_INTERVAL_MS = 1_000;
/** At a stop, attempts in flight may end within this time; the others are released. */
const STOP_TIMEOUT_MS = 2_000;
/** Response statuses that pause the whole endpoint, when they have a Retry-After. */
const PAUSE_STATUSES = new Set([429, 502, 503, 504]);

/**
 * Attempts deliveries that are due. Any number of senders, on any nodes, share the work by claims alone. Ends are written in batches.
 */
export class DeliverySender {
  readonly #deps: DeliverySenderDeps;
  readonly #signal: Signal = createSignal();
  readonly #inFlight = new Map<string, number>();
  readonly #attempts = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #ended;
  #isWoken = false;
  #isStopping = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(deps: DeliverySenderDeps) {
    this.#deps = deps;
    this.#ended = createBatcher<EndedAttempt, undefined>({ run: (ends) => this.#write(ends), maxBatch: 200 });
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Deliveries may be due: poll now. */
  wake(): void {
    this.#isWoken = true;
    this.#signal.notify();
  }

  /** Starts no more attempts, gives those in flight a short time to end, and releases the others. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#signal.notify();
    await this.#loop;
    const timer = setTimeout(() => this.#abort.abort(), STOP_TIMEOUT_MS);
    await Promise.all(this.#attempts);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isWoken = false;
      try {
        const { perEndpoint: max, leaseMs: lease } = LIMITS;
        for (const claim of await claimDue(this.#deps.sql, { inFlight: this.#inFlight, max, lease }))
          this.#begin(claim);
      } catch (error) {
        this.#deps.logger.error({ err: error }, "webhooks could not be claimed; retrying");
        this.#isWoken = false;
      }
      if (!this.#isWoken && !this.#isStopping) await this.#signal.wait(POLL_INTERVAL_MS);
    }
  }

  #begin(claim: Claim): void {
    const { endpoint_id } = claim;
    this.#inFlight.set(endpoint_id, (this.#inFlight.get(endpoint_id) ?? 0) + 1);
    const attempt = this.#attempt(claim)
      .catch((error) => {
        this.#deps.logger.error(
          { err: error, delivery: claim.id },
          "the end of a delivery could not be stored; it will be attempted again",
        );
      })
      .finally(() => {
        const left = this.#inFlight.get(endpoint_id)! - 1;
        if (left === 0) this.#inFlight.delete(endpoint_id);
        else this.#inFlight.set(endpoint_id, left);
        this.#attempts.delete(attempt);
        this.wake();
      });
    this.#attempts.add(attempt);
  }

  async #attempt(claim: Claim): Promise<void> {
    const { post, clock, metrics, userAgent } = this.#deps;
    if (claim.room !== null && !acceptsEntry(claim, claim.event_type, claim.room)) {
      metrics.attempt("withdrawn");
      await this.#ended.add(toEndedAttempt(claim, WITHDRAWN, systemRandom));
      return;
    }
    if (claim.attempt === 1) metrics.first(claim.age);
    const body = buildBody(claim);
    const secrets = claim.old_secret === null ? [claim.secret] : [claim.secret, claim.old_secret];
    const headers = { ...signedHeaders(claim.webhook_id, body, secrets, clock.now()), "user-agent": userAgent };
    const result = await post(claim.url, headers, body, this.#abort.signal);
    metrics.attempt(result.outcome);
    await this.#ended.add(toEndedAttempt(claim, result, this.#deps.random ?? systemRandom));
  }

  async #write(ended: readonly EndedAttempt[]): Promise<undefined[]> {
    const disabled = await this.#deps.sql.begin(async (tx) => {
      const health = summarizeHealth(ended);
      await lockEndpoints(
        tx,
        health.map(({ endpointId }) => endpointId),
      );
      const queues = await writeEndedAttempts(tx, ended);
      if (queues.length > 0) await releaseNext(tx, queues);
      return writeHealth(tx, health, LIMITS.maxFailingMs);
    });
    for (const { result } of ended) if (result === "failed") this.#deps.metrics.failed();
    for (const { id, disabled_reason } of disabled) {
      this.#deps.logger.warn({ endpoint: id, reason: disabled_reason }, "a webhook endpoint was disabled");
    }
    return ended.map(() => undefined);
  }
}

/** Recorded when the endpoint had other types or rooms. */
const WITHDRAWN: AttemptResult = {
  status: null,
  error: "The endpoint no longer accepts such events: its types or rooms were changed.",
  outcome: "withdrawn",
  preview: null,
  retryAfter: null,
  ms: 0,
};

const systemRandom = () => randomInt(2 ** 32) / 2 ** 32;

/** What follows from a result. */
function toEndedAttempt(claim: Claim, result: AttemptResult, random: () => number): EndedAttempt {
  const { status, error, preview, ms } = result;
  const end = {
    id: claim.id,
    endpointId: claim.endpoint_id,
    attempt: claim.attempt,
    ms,
    status,
    error,
    preview,
    pause: null,
  };
  if (result.outcome === "stopped") return { ...end, result: "released", delay: null, gone: false };
  if (result.outcome === "delivered") return { ...end, result: "delivered", delay: null, gone: false };
  if (result.outcome === "withdrawn") return { ...end, result: "failed", delay: null, gone: false, withdrawn: true };
  const gone = status === 410;
  const delay = getRetryDelay(claim.failed_attempts + 1, random());
  if (delay === null || gone) return { ...end, result: "failed", delay: null, gone };
  const retryAfter = result.retryAfter;
  const pause = retryAfter !== null && status !== null && PAUSE_STATUSES.has(status) ? retryAfter : null;
  return { ...end, result: "again", delay: Math.max(delay, retryAfter ?? 0), pause, gone };
}

function summarizeHealth(ended: readonly EndedAttempt[]): Health[] {
  const found = new Map<string, Health>();
  for (const { endpointId, result, gone, pause, withdrawn } of ended) {
    const health = found.get(endpointId) ?? { endpointId, delivered: false, failed: false, gone: false, pause: null };
    found.set(endpointId, {
      endpointId,
      delivered: health.delivered || result === "delivered",
      failed: health.failed || result === "again" || (result === "failed" && !withdrawn),
      gone: health.gone || gone,
      pause: pause === null ? health.pause : Math.max(pause, health.pause ?? 0),
    });
  }
  return [...found.values()];
}
