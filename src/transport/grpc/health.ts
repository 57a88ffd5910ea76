import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from "@grpc/grpc-js";

/** How often readiness is looked at while somebody watches it. */
const LOOK_MS = 500;
const MOST_WATCHERS = 1_000;

interface Answer {
  status: "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";
}
type Watcher = ServerWritableStream<{ service: string }, Answer>;

/**
 * grpc.health.v1: as true as `/ready`, for the whole server (an empty name) and for each service by its name.
 *
 * @param services names that are known
 * @param isReady the same that `/ready` answers by
 */
export function createHealth(services: readonly string[], isReady: () => Promise<boolean>) {
  const known = new Set(["", ...services]);
  const watchers = new Map<Watcher, Answer["status"] | null>();
  let timer: ReturnType<typeof setInterval> | null = null;

  const now = async (service: string): Promise<Answer["status"]> => {
    if (!known.has(service)) return "SERVICE_UNKNOWN";
    return (await isReady()) ? "SERVING" : "NOT_SERVING";
  };

  /** Tells whoever does not know it yet. */
  async function look(): Promise<void> {
    for (const watcher of [...watchers.keys()]) {
      const is = await now(watcher.request.service);
      if (!watchers.has(watcher) || watchers.get(watcher) === is) continue;
      watchers.set(watcher, is);
      watcher.write({ status: is });
    }
  }

  function leave(watcher: Watcher): void {
    watchers.delete(watcher);
    if (watchers.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    methods: {
      Check(call: ServerUnaryCall<{ service: string }, Answer>, callback: sendUnaryData<Answer>): void {
        void now(call.request.service).then((is) => {
          if (is === "SERVICE_UNKNOWN") callback({ code: status.NOT_FOUND, details: "There is no such service here." });
          else callback(null, { status: is });
        });
      },
      Watch(call: Watcher): void {
        if (watchers.size >= MOST_WATCHERS) {
          call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "Too many watch already." });
          return;
        }
        watchers.set(call, null);
        call.on("cancelled", () => leave(call));
        call.on("error", () => leave(call));
        timer ??= setInterval(() => void look(), LOOK_MS);
        void look();
      },
    },
    /** Tells all watchers that it is over, and ends their streams. */
    stop(): void {
      for (const [watcher, told] of watchers) {
        if (told !== "NOT_SERVING") watcher.write({ status: "NOT_SERVING" });
        leave(watcher);
        watcher.end();
      }
    },
  };
}
