import { randomInt } from "node:crypto";
import type { Clock } from "../../platform/clock.ts";
import { createBatcher } from "../../platform/postgres/batcher.ts";
import type { Sql } from "../../platform/postgres/sql.ts";
import { createSignal, type Signal } from "../../platform/signal.ts";
import { bodyOf } from "./body.ts";
import type { WebhookLogger } from "./deps.ts";
import { LIMITS } from "./limits.ts";
import type { WebhookMetrics } from "./metrics.ts";
import type { Answer, Post } from "./post.ts";
import { takes } from "./rights.ts";
import { backoff } from "./schedule.ts";
import { signedHeaders } from "./sign.ts";
import { lockEndpoints } from "./store/recording.ts";
import { type Claim, claimDue, type Ended, type Health, releaseNext, writeEnds, writeHealth } from "./store/sending.ts";

export interface SenderDeps {
  sql: Sql;
  post: Post;
  clock: Clock;
  metrics: WebhookMetrics;
  logger: WebhookLogger;
  userAgent: string;
  /** From 0 up to 1; for tests. */
  random?: () => number;
}

/** How often a sender without news looks for what others left, or whose time has come. */
const IDLE_MS = 1_000;
/** Attempts under way may end in this time at a stop; the rest is given back. */
const STOP_MS = 2_000;
/** Answers that ask for a pause of everything, when they say how long. */
const BUSY = new Set([429, 502, 503, 504]);

/**
 * Attempts what is due. Any number of them, on any nodes, share the work by claims alone. What ends together is written together.
 */
export class Sender {
  readonly #deps: SenderDeps;
  readonly #bell: Signal = createSignal();
  readonly #busy = new Map<string, number>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #ends;
  #news = false;
  #stopping = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#ends = createBatcher<Ended, undefined>({ run: (ends) => this.#write(ends), maxBatch: 200 });
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** There may be something to do: look now. */
  nudge(): void {
    this.#news = true;
    this.#bell.notify();
  }

  /** Begins nothing more, lets what is under way end for a moment, and gives back the rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#bell.notify();
    await this.#loop;
    const timer = setTimeout(() => this.#stop.abort(), STOP_MS);
    await Promise.all(this.#underWay);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#news = false;
      try {
        const { perEndpoint: most, lease } = LIMITS;
        for (const claim of await claimDue(this.#deps.sql, { busy: this.#busy, most, lease })) this.#begin(claim);
      } catch (error) {
        this.#deps.logger.error({ err: error }, "webhooks could not be claimed; it is tried again");
        this.#news = false;
      }
      if (!this.#news && !this.#stopping) await this.#bell.wait(IDLE_MS);
    }
  }

  #begin(claim: Claim): void {
    const { endpoint_id } = claim;
    this.#busy.set(endpoint_id, (this.#busy.get(endpoint_id) ?? 0) + 1);
    const attempt = this.#attempt(claim)
      .catch((error) => {
        this.#deps.logger.error(
          { err: error, delivery: claim.id },
          "the end of a delivery could not be kept; it is made again",
        );
      })
      .finally(() => {
        const left = this.#busy.get(endpoint_id)! - 1;
        if (left === 0) this.#busy.delete(endpoint_id);
        else this.#busy.set(endpoint_id, left);
        this.#underWay.delete(attempt);
        this.nudge();
      });
    this.#underWay.add(attempt);
  }

  async #attempt(claim: Claim): Promise<void> {
    const { post, clock, metrics, userAgent } = this.#deps;
    if (claim.room !== null && !takes(claim, claim.event_type, claim.room)) {
      metrics.attempt("withdrawn");
      await this.#ends.add(endOf(claim, WITHDRAWN, systemRandom));
      return;
    }
    if (claim.attempt === 1) metrics.first(claim.age);
    const body = bodyOf(claim);
    const secrets = claim.old_secret === null ? [claim.secret] : [claim.secret, claim.old_secret];
    const headers = { ...signedHeaders(claim.webhook_id, body, secrets, clock.now()), "user-agent": userAgent };
    const answer = await post(claim.url, headers, body, this.#stop.signal);
    metrics.attempt(answer.outcome);
    await this.#ends.add(endOf(claim, answer, this.#deps.random ?? systemRandom));
  }

  async #write(ends: readonly Ended[]): Promise<undefined[]> {
    const disabled = await this.#deps.sql.begin(async (tx) => {
      const health = healthIn(ends);
      await lockEndpoints(
        tx,
        health.map(({ endpointId }) => endpointId),
      );
      const lanes = await writeEnds(tx, ends);
      if (lanes.length > 0) await releaseNext(tx, lanes);
      return writeHealth(tx, health, LIMITS.failing);
    });
    for (const { result } of ends) if (result === "failed") this.#deps.metrics.failed();
    for (const { id, disabled_reason } of disabled) {
      this.#deps.logger.warn({ endpoint: id, reason: disabled_reason }, "a webhook endpoint was disabled");
    }
    return ends.map(() => undefined);
  }
}

/** Recorded when the endpoint had other types or rooms than now. */
const WITHDRAWN: Answer = {
  status: null,
  error: "The endpoint no longer takes such events: its types or rooms were changed.",
  outcome: "withdrawn",
  preview: null,
  retryAfter: null,
  ms: 0,
};

const systemRandom = () => randomInt(2 ** 32) / 2 ** 32;

/** What follows from an answer. */
function endOf(claim: Claim, answer: Answer, random: () => number): Ended {
  const { status, error, preview, ms } = answer;
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
  if (answer.outcome === "stopped") return { ...end, result: "released", delay: null, gone: false };
  if (answer.outcome === "delivered") return { ...end, result: "delivered", delay: null, gone: false };
  if (answer.outcome === "withdrawn") return { ...end, result: "failed", delay: null, gone: false, withdrawn: true };
  const gone = status === 410;
  const delay = backoff(claim.tries + 1, random());
  if (delay === null || gone) return { ...end, result: "failed", delay: null, gone };
  const asked = answer.retryAfter;
  const pause = asked !== null && status !== null && BUSY.has(status) ? asked : null;
  return { ...end, result: "again", delay: Math.max(delay, asked ?? 0), pause, gone };
}

function healthIn(ends: readonly Ended[]): Health[] {
  const found = new Map<string, Health>();
  for (const { endpointId, result, gone, pause, withdrawn } of ends) {
    const one = found.get(endpointId) ?? { endpointId, delivered: false, failed: false, gone: false, pause: null };
    found.set(endpointId, {
      endpointId,
      delivered: one.delivered || result === "delivered",
      failed: one.failed || result === "again" || (result === "failed" && !withdrawn),
      gone: one.gone || gone,
      pause: pause === null ? one.pause : Math.max(pause, one.pause ?? 0),
    });
  }
  return [...found.values()];
}
