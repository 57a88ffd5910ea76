import { readdirSync } from "node:fs";
import { type Aggregator, Counter, Gauge, Histogram, Registry } from "prom-client";
import { CLOSE, CODES, type Code, frameCode } from "../../protocol/codes.ts";
import { COMMANDS, FRAMES } from "../../protocol/frames.ts";
import { ROOM_KINDS } from "../../protocol/rooms.ts";
import { addBrokerMetrics, type BrokerStats } from "./broker-metrics.ts";
import { addNodeMetrics, type NodeSources } from "./node-metrics.ts";

/** What the hub can report of itself at any time. */
interface ConnectionCounts {
  connections: number;
  authenticated: number;
  anonymous: number;
  rooms: Readonly<Record<string, number>>;
}

/** What services may send through gRPC, with its fixed labels (contract of the metrics, present with 0 from the start). */
const GRPC_METHODS = [
  "NotifyBookingResult",
  "NotifyQueuePosition",
  "NotifyPaymentStatus",
  "BroadcastEvent",
  "SendToUser",
  "GetConnectionStats",
  "Subscribe",
  "GenerateToken",
  "ValidateToken",
  "SignUp",
  "SignIn",
  "Refresh",
  "SignOut",
];
const NOTIFICATIONS = ["booking", "queue", "payment", "notification"];
/** Where a rate limit refuses something. */
const TRANSPORTS = ["http", "websocket", "grpc", "frames"];
const RECOVERIES = ["recovered", "reset", "refused"] as const;

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Every metric of Usher, each there with 0 from the start. Labels have fixed values only: never a room, a person, or a
 * type that a client invented. Gauges are read at each scrape; nothing runs in between but one timer a second.
 */
export function createMetrics(version: string) {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, label: string, values: Iterable<string>) => {
    const made = new Counter({ name, help, labelNames: [label], registers });
    for (const value of values) made.inc({ [label]: value }, 0);
    return made;
  };
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers });

  const sent = createFastCounter(registry, "realtime_messages_sent_total", "Frames handed to sockets.", "type", FRAMES);
  const received = createFastCounter(
    registry,
    "realtime_messages_received_total",
    "Frames that clients sent.",
    "type",
    COMMANDS,
  );
  const errors = counter("realtime_errors_total", "Errors returned, over every transport.", "type", errorTypes());
  const notified = counter(
    "realtime_notifications_delivered_total",
    "Notices that reached a user's socket.",
    "type",
    NOTIFICATIONS,
  );
  const recoveries = counter("realtime_recoveries_total", "Rooms that clients came back to.", "outcome", RECOVERIES);
  const closed = counter(
    "realtime_connections_closed_total",
    "Connections closed by this server.",
    "reason",
    Object.keys(CLOSE),
  );
  const filled = new Counter({
    name: "realtime_gap_fills_total",
    help: "Log entries that were read from the log because fan-out did not bring them.",
    registers,
  });
  const refused = counter(
    "usher_limits_refused_total",
    "What rate limits refused, by transport.",
    "transport",
    TRANSPORTS,
  );
  const handshakes = counter(
    "usher_handshakes_refused_total",
    "WebSocket handshakes that were refused, by status.",
    "status",
    HANDSHAKE_REFUSALS,
  );
  const latencies = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
  const delivery = histogram("realtime_delivery_seconds", "From commit until the sockets have the frame.", latencies);
  const append = histogram("realtime_log_append_seconds", "Duration of a transaction that appends.", latencies);
  const delay = histogram("realtime_event_loop_delay_seconds", "How late a timer ran.", latencies);
  const requests = new Histogram({
    name: "realtime_http_request_duration_seconds",
    help: "Duration of API requests.",
    labelNames: ["method", "status"],
    buckets: latencies,
    registers,
  });
  requests.zero({ method: "GET", status: 200 });
  const countCall = addGrpc(registry);
  addProcess(registry, version);
  const stopDelay = measureDelay((seconds) => delay.observe(seconds));

  return {
    /** The numbers in Prometheus' text format, and its content type. */
    text: () => registry.metrics(),
    contentType: registry.contentType,
    /** For the metrics of a module that has its own. */
    registry,
    /** The same as objects, for a parent that sums up its workers. */
    json: () => registry.getMetricsAsJSON(),

    /** The hub's counters (the port `HubMetrics` of src/realtime). */
    hub: {
      sent,
      received: (type: string) => received(type, 1),
      error(code: string) {
        errors.inc({ type: ERRORS.has(code) ? code : "other" });
        if (code === RATE_LIMITED) refused.inc({ transport: "frames" });
      },
      recovery: (outcome: (typeof RECOVERIES)[number]) => recoveries.inc({ outcome }),
      filled: (entries: number) => filled.inc(entries),
      closed(reason: keyof typeof CLOSE) {
        closed.inc({ reason });
        if (reason === "flood") refused.inc({ transport: "frames" });
      },
    },
    /** Seconds from commit until the frames are with the sockets. */
    observeDelivery: (seconds: number) => delivery.observe(seconds),
    /** Seconds of a transaction or batch that appended to the log. */
    observeAppend: (seconds: number) => append.observe(seconds),
    /** An error that the API returns. */
    countError: (code: Code) => errors.inc({ type: frameCode(code) }),
    /** A notice reached a user's socket. */
    notified: (kind: "booking" | "queue" | "payment" | "notification") => notified.inc({ type: kind }),
    /** A response of the API. */
    observeRequest(method: string, status: number, seconds: number) {
      requests.observe({ method: METHODS.has(method) ? method : "other", status }, seconds);
      if (status === 429) refused.inc({ transport: "http" });
    },
    /** A WebSocket handshake was refused with this status. */
    countHandshakeRefusal(status: number) {
      handshakes.inc({ status: HANDSHAKE_REFUSALS.includes(String(status)) ? status : "other" });
      if (status === 429) refused.inc({ transport: "websocket" });
    },
    /** A gRPC call of one of our methods; `seconds` null: a stream ended. */
    observeCall(method: string, status: string, seconds: number | null) {
      countCall(method, status, seconds);
      if (status === "RESOURCE_EXHAUSTED") refused.inc({ transport: "grpc" });
    },
    /** Shows the hub's connections; once, when there is a hub. */
    watchConnections: (counts: () => ConnectionCounts) => addConnections(registry, counts),
    /** Shows the broker's numbers; once, when there is a broker. */
    watchBroker: (read: () => BrokerStats) => addBrokerMetrics(registry, read),
    /** Shows the numbers of the node and of what it depends on; once, when they are there. */
    watchNode: (sources: NodeSources) => addNodeMetrics(registry, sources),
    stop: stopDelay,
  };
}

const HANDSHAKE_REFUSALS = ["400", "401", "403", "404", "429", "503", "other"];
const RATE_LIMITED = frameCode("rate_limited");

const METHODS = new Set(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]);
const ERRORS = new Set(errorTypes());

function errorTypes(): string[] {
  return [...Object.keys(CODES).map((code) => frameCode(code as Code)), "other"];
}

/**
 * A counter for the hot path: counting is an addition, and the registry reads the sums at each scrape.
 * What `table` does not know is counted as "other".
 */
function createFastCounter(registry: Registry, name: string, help: string, label: string, table: object) {
  const sums = new Map<string, number>([...Object.keys(table), "other"].map((value) => [value, 0]));
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, sum] of sums) this.inc({ [label]: value }, sum);
    },
  });
  return (value: string, by: number): void => {
    const key = sums.has(value) ? value : "other";
    sums.set(key, sums.get(key)! + by);
  };
}

function addConnections(registry: Registry, counts: () => ConnectionCounts): void {
  const registers = [registry];
  const gauge = (suffix: string, help: string, read: (now: ConnectionCounts) => number) =>
    new Gauge({
      name: `realtime_websocket_connections_${suffix}`,
      help,
      registers,
      collect() {
        this.set(read(counts()));
      },
    });
  gauge("total", "Open connections.", (now) => now.connections);
  gauge("authenticated", "Open connections of signed-in people.", (now) => now.authenticated);
  gauge("anonymous", "Open connections without a token.", (now) => now.anonymous);
  new Gauge({
    name: "realtime_websocket_connections_per_room",
    help: "Connections in rooms, by kind of room; a connection counts once for each.",
    labelNames: ["room"],
    registers,
    collect() {
      const now = counts().rooms;
      for (const kind of ROOM_KINDS) this.set({ room: kind }, now[kind] ?? 0);
    },
  });
}

/** @returns what counts a call: `status` by its gRPC name, `seconds` from the request to the response; null for a stream */
function addGrpc(registry: Registry) {
  const requests = new Counter({
    name: "realtime_grpc_requests_total",
    help: "gRPC calls.",
    labelNames: ["method", "status"],
    registers: [registry],
  });
  for (const method of GRPC_METHODS) requests.inc({ method, status: "OK" }, 0);
  const durations = new Histogram({
    name: "realtime_grpc_request_duration_seconds",
    help: "Duration of gRPC calls.",
    registers: [registry],
  });
  return (method: string, status: string, seconds: number | null) => {
    requests.inc({ method, status });
    if (seconds !== null) durations.observe(seconds);
  };
}

/** The few metrics of the process that are useful; the default collection costs timers and files. */
function addProcess(registry: Registry, version: string): void {
  const gauge = (name: string, help: string, read: () => number, aggregator: Aggregator = "sum") =>
    new Gauge({
      name,
      help,
      aggregator,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  gauge("process_heap_bytes", "Used heap.", () => process.memoryUsage().heapUsed);
  gauge("process_start_time_seconds", "Start, Unix time.", () => Date.now() / 1_000 - process.uptime(), "min");
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time used.",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  if (process.platform === "linux") {
    gauge("process_open_fds", "Open file descriptors.", () => readdirSync("/proc/self/fd").length);
  }
  new Gauge({
    name: "usher_info",
    help: "Versions, as labels.",
    labelNames: ["version", "bun"],
    aggregator: "max",
    registers: [registry],
  }).set({ version, bun: process.versions.bun ?? "none" }, 1);
}

/** Calls back once a second with how late the timer ran. Does not keep the process alive. Returns a function that ends it. */
function measureDelay(observe: (seconds: number) => void): () => void {
  const INTERVAL_MS = 1_000;
  let due = performance.now() + INTERVAL_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    observe(Math.max(0, now - due) / 1_000);
    due = now + INTERVAL_MS;
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
