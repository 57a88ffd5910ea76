import { type handleUnaryCall, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { z } from "zod";
import type { Code } from "../../../protocol/codes.ts";
import type { ServiceCaller } from "../../platform/caller.ts";
import { runWithContext } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { validationError } from "../../platform/http/validation-error.ts";
import { type Attempt, getKeyOwner, type IdempotencyKeys } from "../../platform/idempotency-keys.ts";
import { isDefinitelyNotCommitted, toAppError } from "../../platform/postgres/database-errors.ts";
import type { Tracing } from "../../platform/tracing.ts";
import type { CallAuthenticator } from "./call-authenticator.ts";
import { grpcError, statusName } from "./status.ts";

/** Calls that may be under way at once on this node; more are refused with RESOURCE_EXHAUSTED. */
const MAX_CALLS = 4_096;

/** What a method gets besides its message. */
export interface CallInfo {
  /** Whose network address, corrected for trusted proxies. */
  address: string;
  /** Whether the caller is on this very machine: see RequestInfo. */
  isLocal: boolean;
  userAgent: string | null;
  /** ms until the caller stops waiting; infinite without a deadline. */
  remainingMs: number;
  /** The W3C trace of the caller, when they sent one. */
  traceparent: string | null;
  /** Which run of an idempotency key's call this is; undefined without a key. */
  attempt?: Attempt | undefined;
}

/** A unary method. `service`: the caller is authenticated first, and counted. `public`: any client may call. */
export type Method<I, O> = { request: z.ZodType<I> } & (
  | { access: "service"; run(input: I, caller: ServiceCaller, info: CallInfo): Promise<O> }
  | { access: "public"; run(input: I, info: CallInfo): Promise<O> }
);

/** What is counted and logged of calls. */
export interface CallsDeps {
  authenticator: CallAuthenticator;
  /** Left out: nothing is traced. */
  tracing?: Tracing;
  idempotency: IdempotencyKeys;
  /** @param seconds from the request to the response; null: a stream ended */
  onResponse(method: string, status: string, seconds: number | null): void;
  /** An error that is returned. */
  onError?(code: Code): void;
  /** An error that is a defect of ours: it is returned without its text. */
  onDefect(error: unknown, method: string): void;
}

/** Makes the handlers of methods: authentication, validation, idempotency; then the use case. */
export function createCalls(deps: CallsDeps) {
  let running = 0;
  return function unary<I, O>(name: string, method: Method<I, O>): handleUnaryCall<unknown, O> {
    return (call, callback) => {
      const began = performance.now();
      const done = (code: status) => {
        running -= 1;
        deps.onResponse(name, statusName(code), (performance.now() - began) / 1_000);
      };
      running += 1;
      const [trace] = call.metadata.get("traceparent");
      const span = deps.tracing?.begin(`gRPC ${name}`, trace === undefined ? null : String(trace)) ?? null;
      runWithContext({ request_id: crypto.randomUUID(), span }, () => {
        const work = running > MAX_CALLS ? Promise.reject(tooManyCallsError()) : handleCall(deps, name, method, call);
        work.then(
          (value) => {
            done(call.cancelled ? status.CANCELLED : status.OK);
            span?.end();
            callback(null, value);
          },
          (error: unknown) => {
            const refusal = toServiceError(deps, error, name);
            span?.recordError(error);
            span?.end();
            done(refusal.code);
            (callback as sendUnaryData<O>)(refusal);
          },
        );
      });
    };
  };
}

export type Unary = ReturnType<typeof createCalls>;

/** Any error as the status that is returned; a defect is reported, and returned without its text. */
export function toServiceError(deps: Pick<CallsDeps, "onDefect" | "onError">, error: unknown, method: string) {
  const known = toAppError(error);
  if (known instanceof AppError) {
    deps.onError?.(known.code);
    return grpcError(known);
  }
  deps.onDefect(error, method);
  deps.onError?.("internal");
  return grpcError(new AppError("internal"));
}

async function handleCall<I, O>(
  deps: CallsDeps,
  name: string,
  method: Method<I, O>,
  call: ServerUnaryCall<unknown, O>,
): Promise<O> {
  const info = getCallInfo(deps.authenticator, call);
  if (method.access === "public") {
    await deps.authenticator.admitAnonymous(info.address);
    return method.run(parse(method.request, call.request), info);
  }
  const caller = await deps.authenticator.authenticateService(call.metadata, info.address, call.getHost());
  const input = parse(method.request, call.request);
  const run = (attempt?: Attempt) => {
    // Its deadline has passed, or the caller has hung up: nothing more is done for it.
    if (call.cancelled) throw new AppError("request_timeout", "The caller did not wait for the response.");
    return method.run(input, caller, { ...info, attempt });
  };
  const [key] = call.metadata.get("idempotency-key");
  if (key === undefined) return run();
  return runKeyedCall(deps.idempotency, { caller, name, key: String(key), request: call.request, info }, run);
}

interface KeyedCall {
  caller: ServiceCaller;
  name: string;
  key: string;
  request: unknown;
  info: CallInfo;
}

async function runKeyedCall<O>(
  keys: IdempotencyKeys,
  { caller, name, key, request, info }: KeyedCall,
  run: (attempt: Attempt) => Promise<O>,
): Promise<O> {
  let outcome: { value: O } | { error: unknown } | undefined;
  const keyed = {
    actor: getKeyOwner(caller, info.address),
    key,
    target: ["grpc", name],
    body: Buffer.from(JSON.stringify(request)),
  };
  const first = await keys.run<O>(keyed, async (attempt) => {
    try {
      const value = await run(attempt);
      outcome = { value };
      return { key: "keep", result: value };
    } catch (error) {
      outcome = { error };
      return { key: isDefinitelyNotCommitted(error) ? "release" : "leave" };
    }
  });
  if (first !== null) return first.repeated;
  if (outcome !== undefined && "value" in outcome) return outcome.value;
  throw outcome?.error;
}

function parse<I>(schema: z.ZodType<I>, request: unknown): I {
  const result = schema.safeParse(request);
  if (!result.success) throw validationError("json", result.error.issues);
  return result.data;
}

function getCallInfo(authenticator: CallAuthenticator, call: ServerUnaryCall<unknown, unknown>): CallInfo {
  const deadline = call.getDeadline();
  const [agent] = call.metadata.get("user-agent");
  const [trace] = call.metadata.get("traceparent");
  return {
    ...authenticator.getClient(call.getPeer(), call.metadata, call.getHost()),
    userAgent: agent === undefined ? null : String(agent),
    remainingMs: (deadline instanceof Date ? deadline.getTime() : deadline) - Date.now(),
    traceparent: TRACEPARENT.test(String(trace)) ? String(trace) : null,
  };
}

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

function tooManyCallsError(): AppError {
  return new AppError("rate_limited", "This node has too many calls under way. Try again in a second.", {
    retry_after: 1,
  });
}
