/**
 * The jobs and their payloads, by name. A module adds its own beside its code:
 * `declare module "../platform/jobs/job-names.ts" { interface JobPayloads { "send-mail": { to: string } } }`.
 * A name stays as long as jobs of an earlier release may wait under it.
 */
export interface JobPayloads {
  "sweep-log": null;
  "sweep-identity": null;
  "sweep-chat": null;
  "sweep-idempotency-keys": null;
  "sweep-audit": null;
  "sweep-webhooks": null;
}

export type JobName = keyof JobPayloads;

export interface JobOptions {
  /** While a job of this name with the same key waits for its first run, another one is not added. */
  key?: string;
  /** Not before this time. */
  runAt?: Date;
  /** How often it is run at most until it succeeds; 10 if not said. */
  attempts?: number;
}
