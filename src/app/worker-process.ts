import type { Metrics } from "../platform/metrics.ts";
import type { WorkerInfo } from "../transport/worker-processes.ts";

const FLAG = "--worker=";

/** This process's index among the workers of a parent; null when it runs by itself. */
export function readWorkerInfo(argv: readonly string[] = process.argv): WorkerInfo | null {
  const text = argv.find((argument) => argument.startsWith(FLAG));
  return text === undefined ? null : JSON.parse(text.slice(FLAG.length));
}

/**
 * Reports to the parent that this worker is ready, and from then on its metrics at each request.
 *
 * @param onError called when the metrics cannot be read; the parent then leaves this worker out
 */
export function reportToParent(metrics: Metrics, onError: (error: unknown) => void): void {
  process.on("message", (message: { request?: string }) => {
    if (message.request === "metrics") metrics.json().then((json) => void process.send?.({ metrics: json }), onError);
  });
  process.send?.({ ready: true });
}
