import { type Agent, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { createAgents } from "./http-agents.ts";
import { LIMITS } from "./limits.ts";
import { checkedLookup, NotPublicError, type Resolve, refuseLiteral, systemResolve } from "./public-address.ts";
import { parseRetryAfter } from "./schedule.ts";

/** The result of one attempt. */
export interface AttemptResult {
  /** Null: there was none; `error` has the reason. */
  status: number | null;
  error: string | null;
  outcome: Outcome;
  /** The start of the response's body. */
  preview: string | null;
  /** ms to wait, as the receiver requested. */
  retryAfter: number | null;
  ms: number;
}

/** `stopped`: this node stopped before the response came. `withdrawn`: nothing was posted, the endpoint no longer accepts it. */
export const OUTCOMES = [
  "delivered",
  "refused",
  "timeout",
  "unreachable",
  "not_public",
  "stopped",
  "withdrawn",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export type Post = (
  url: string,
  headers: Record<string, string>,
  body: string,
  stop: AbortSignal,
) => Promise<AttemptResult>;

/**
 * Creates the function that posts once: no redirect is followed, no proxy is used, and the connection goes to an address that was
 * checked when it was opened (`public-address.ts`) while Host, SNI and the certificate's name stay the URL's. Never rejects.
 */
export function createPost({
  allowPrivate,
  resolve = systemResolve,
  timeoutMs = LIMITS.timeoutMs,
  connectionMaxAgeMs,
  ca,
}: {
  allowPrivate: boolean;
  resolve?: Resolve;
  timeoutMs?: number;
  /** ms after which an open connection is not reused. */
  connectionMaxAgeMs?: number;
  /** Another certificate authority; for tests. */
  ca?: string;
}): Post {
  const lookup = allowPrivate ? undefined : checkedLookup(resolve);
  const getAgent = createAgents(connectionMaxAgeMs);

  return async (url, headers, body, stop) => {
    const startedAt = performance.now();
    const deadline = AbortSignal.timeout(timeoutMs);
    const noResponse = { status: null, preview: null, retryAfter: null };
    const ms = () => Math.round(performance.now() - startedAt);
    try {
      const target = new URL(url);
      if (!allowPrivate) refuseUnsafe(target);
      const signal = AbortSignal.any([deadline, stop]);
      const connection = { agent: getAgent(target), lookup, ca, signal };
      return { ...(await sendWithRetry(target, headers, body, connection)), ms: ms() };
    } catch (error) {
      if (stop.aborted) return { ...noResponse, outcome: "stopped", error: "This node was stopped.", ms: ms() };
      if (deadline.aborted) {
        return {
          ...noResponse,
          outcome: "timeout",
          error: `There was no response within ${timeoutMs / 1_000} s.`,
          ms: ms(),
        };
      }
      return {
        ...noResponse,
        outcome: error instanceof NotPublicError ? "not_public" : "unreachable",
        error: describeError(error),
        ms: ms(),
      };
    }
  };
}

/** Throws NotPublicError for what no look-up would refuse: another scheme than https, and an address instead of a name. */
export function refuseUnsafe(url: URL): void {
  if (url.protocol !== "https:") throw new NotPublicError("Only https addresses are allowed.");
  refuseLiteral(url);
}

interface Connection {
  /** False: a connection for this one post. */
  agent: Agent | false;
  lookup: ReturnType<typeof checkedLookup> | undefined;
  ca: string | undefined;
  signal: AbortSignal;
}

/** The receiver closed an open connection while the post was sent: it is repeated once, on a new connection. */
class StaleConnection extends Error {}

async function sendWithRetry(url: URL, headers: Record<string, string>, body: string, connection: Connection) {
  try {
    return await send(url, headers, body, connection);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return send(url, headers, body, { ...connection, agent: false });
  }
}

function send(url: URL, headers: Record<string, string>, body: string, connection: Connection) {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise<Omit<AttemptResult, "ms">>((resolve, reject) => {
    let finish: (() => void) | null = null;
    const clientRequest = request(
      url,
      {
        method: "POST",
        ...connection,
        headers: {
          ...headers,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          "accept-encoding": "identity",
        },
      },
      (response) => {
        const status = response.statusCode ?? 0;
        const chunks: Buffer[] = [];
        let size = 0;
        const end = () => {
          response.destroy();
          resolve({
            status,
            error: null,
            outcome: status >= 200 && status < 300 ? "delivered" : "refused",
            preview: readPreview(Buffer.concat(chunks)),
            retryAfter: parseRetryAfter(response.headers["retry-after"], Date.now(), LIMITS.maxRetryAfterMs),
          });
        };
        // The status has been received: a failure of the body after it changes nothing.
        finish = end;
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size >= LIMITS.previewBytes) end();
        });
        response.on("end", end);
        response.on("close", end);
        response.on("error", end);
      },
    );
    clientRequest.on("error", (error) => {
      if (finish) finish();
      else if (clientRequest.reusedSocket && !connection.signal.aborted)
        reject(new StaleConnection("", { cause: error }));
      else reject(error);
    });
    clientRequest.end(body);
  });
}

/** As text that PostgreSQL can store. */
function readPreview(bytes: Buffer): string {
  return bytes.subarray(0, LIMITS.previewBytes).toString("utf8").replaceAll("\0", "");
}

function describeError(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  const text = message || "The connection failed.";
  return (code && !text.includes(code) ? `${code}: ${text}` : text).replaceAll("\0", "").slice(0, 300);
}
