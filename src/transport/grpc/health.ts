import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from "@grpc/grpc-js";

/** How often readiness is checked while a client watches it. */
const CHECK_INTERVAL_MS = 500;
const MAX_WATCHERS = 1_000;

interface HealthResponse {
  status: "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";
}
type Watcher = ServerWritableStream<{ service: string }, HealthResponse>;

/**
 * grpc.health.v1: as true as `/ready`, for the whole server (an empty name) and for each service by its name.
 *
 * @param services names that are known
 * @param isReady the check of `/ready`
 */
export function createHealth(services: readonly string[], isReady: () => Promise<boolean>) {
  const known = new Set(["", ...services]);
  const watchers = new Map<Watcher, HealthResponse["status"] | null>();
  let timer: ReturnType<typeof setInterval> | null = null;

  const getStatus = async (service: string): Promise<HealthResponse["status"]> => {
    if (!known.has(service)) return "SERVICE_UNKNOWN";
    return (await isReady()) ? "SERVING" : "NOT_SERVING";
  };

  /** Notifies the watchers that do not know it yet. */
  async function notifyWatchers(): Promise<void> {
    for (const watcher of [...watchers.keys()]) {
      const current = await getStatus(watcher.request.service);
      if (!watchers.has(watcher) || watchers.get(watcher) === current) continue;
      watchers.set(watcher, current);
      watcher.write({ status: current });
    }
  }

  function removeWatcher(watcher: Watcher): void {
    watchers.delete(watcher);
    if (watchers.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    methods: {
      Check(call: ServerUnaryCall<{ service: string }, HealthResponse>, callback: sendUnaryData<HealthResponse>): void {
        void getStatus(call.request.service).then((current) => {
          if (current === "SERVICE_UNKNOWN")
            callback({ code: status.NOT_FOUND, details: "There is no such service here." });
          else callback(null, { status: current });
        });
      },
      Watch(call: Watcher): void {
        if (watchers.size >= MAX_WATCHERS) {
          call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "Too many watch already." });
          return;
        }
        watchers.set(call, null);
        call.on("cancelled", () => removeWatcher(call));
        call.on("error", () => removeWatcher(call));
        timer ??= setInterval(() => void notifyWatchers(), CHECK_INTERVAL_MS);
        void notifyWatchers();
      },
    },
    /** Sends NOT_SERVING to all watchers, and ends their streams. */
    stop(): void {
      for (const [watcher, sent] of watchers) {
        if (sent !== "NOT_SERVING") watcher.write({ status: "NOT_SERVING" });
        removeWatcher(watcher);
        watcher.end();
      }
    },
  };
}
