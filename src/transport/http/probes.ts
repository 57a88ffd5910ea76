import { z } from "zod";
import type { Api } from "../../platform/http/api.ts";
import { route } from "../../platform/http/route.ts";

/** `cannot write`: it responds, and refuses writes. That is so for every node: taking this one out would not help. */
const STATES = ["ok", "away", "cannot write"] as const;
export type CheckState = (typeof STATES)[number];

/** Something this node needs. `isRequired`: while it is away the node takes no requests; else it only works with less. */
export interface Check {
  name: string;
  isRequired: boolean;
  /** Given 2 s; later, or with an error, it is away. */
  probe(): Promise<CheckState>;
}

export interface ReadinessDeps {
  checks: readonly Check[];
  isDraining: () => boolean;
  /** Why other nodes should get the requests although nothing required is away; null: no reason. */
  getUnfitReason?: () => string | null;
}

const PROBE_TIMEOUT_MS = 2_000;
/** How long an outcome is cached: a public path must not become a load on the database. */
const CACHE_MS = 500;

const health = route({
  method: "get",
  path: "/health",
  summary: "Whether the process is alive",
  tag: "server",
  auth: "public",
  responses: { 200: { description: "It does.", schema: z.object({ status: z.literal("healthy") }) } },
});

const ready = route({
  method: "get",
  path: "/ready",
  summary: "Whether this node takes requests",
  tag: "server",
  auth: "public",
  responses: {
    200: {
      description: "It does. `degraded`: something it can do without is away, or the database refuses to write.",
      schema: z.object({ status: z.enum(["ready", "degraded"]), checks: z.record(z.string(), z.enum(STATES)) }),
    },
    503: {
      description:
        "It is stopping, cannot reach its database, or does not receive from the other nodes although they receive from each other.",
      schema: z.object({ status: z.literal("unavailable"), reason: z.string() }),
    },
  },
});

/** The check of `/ready` and gRPC's health service: null when this node takes requests, or why it does not; and each check. */
export type Readiness = () => Promise<{ refusal: string | null; checks: Record<string, CheckState> }>;

export function createReadiness({ checks, isDraining, getUnfitReason = () => null }: ReadinessDeps): Readiness {
  const outcomes = cacheOutcome(() => Promise.all(checks.map(runCheck)));
  return async () => {
    if (isDraining()) return { refusal: "draining", checks: {} };
    const all = await outcomes();
    const failedCheck = all.find(({ isRequired, state }) => isRequired && state === "away");
    return {
      refusal: failedCheck === undefined ? getUnfitReason() : `${failedCheck.name} does not respond`,
      checks: Object.fromEntries(all.map(({ name, state }) => [name, state])),
    };
  };
}

/** `/health` and `/ready`, for supervisors and load balancers. */
export function addProbes(api: Api, readiness: Readiness): void {
  api.openapi(health, (c) => c.json({ status: "healthy" as const }, 200));
  api.openapi(ready, async (c) => {
    const { refusal: reason, checks } = await readiness();
    if (reason !== null) return c.json({ status: "unavailable" as const, reason }, 503);
    const degraded = Object.values(checks).some((state) => state !== "ok");
    return c.json({ status: degraded ? ("degraded" as const) : ("ready" as const), checks }, 200);
  });
}

async function runCheck({ name, isRequired, probe }: Check) {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("late")), PROBE_TIMEOUT_MS);
  try {
    return { name, isRequired, state: await Promise.race([probe(), late.promise]) };
  } catch {
    return { name, isRequired, state: "away" as const };
  } finally {
    clearTimeout(timer);
  }
}

/** Calls `work` once at a time, and returns its outcome again for FRESH ms. */
function cacheOutcome<T>(work: () => Promise<T>): () => Promise<T> {
  let latest: Promise<T> | null = null;
  let until = 0;
  return () => {
    if (latest === null || performance.now() > until) {
      until = Number.POSITIVE_INFINITY;
      latest = work().finally(() => {
        until = performance.now() + CACHE_MS;
      });
    }
    return latest;
  };
}
