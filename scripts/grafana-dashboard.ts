/** deploy/grafana/usher.json: one dashboard, made from the rows below. */
export function grafanaDashboard(): string {
  let id = 0;
  let y = 0;
  const panels: object[] = [];
  for (const [title, ...row] of ROWS) {
    panels.push({ id: ++id, type: "row", title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] });
    const w = row.length % 3 === 0 ? 8 : 6;
    row.forEach((panel, place) => {
      const left = (place * w) % 24;
      if (left === 0 && place > 0) y += 8;
      panels.push({ id: ++id, ...toGrafanaPanel(panel), gridPos: { x: left, y, w, h: 8 } });
    });
    y += 8;
  }
  return `${JSON.stringify({ ...HEAD, panels }, null, 2)}\n`;
}

interface Panel {
  title: string;
  /** Of Grafana: `short`, `s`, `bytes`, `ops`, `percentunit`. */
  unit: string;
  /** PromQL, each with what its lines are called. `$i` is the choice of nodes. */
  lines: [expression: string, legend: string][];
  help?: string;
}

type Row = [title: string, ...panels: Panel[]];

const by = (labels: string, metric: string) => `sum by (${labels}) (rate(${metric}{$i}[$__rate_interval]))`;
const quantile = (q: number, metric: string) =>
  `histogram_quantile(${q}, sum by (instance, le) (rate(${metric}_bucket{$i}[$__rate_interval])))`;
const percentiles = (metric: string): Panel["lines"] => [
  [quantile(0.5, metric), "{{instance}} p50"],
  [quantile(0.99, metric), "{{instance}} p99"],
];

const ROWS: Row[] = [
  [
    "People",
    {
      title: "Connections",
      unit: "short",
      lines: [
        ["sum(realtime_websocket_connections_authenticated{$i})", "signed in"],
        ["sum(realtime_websocket_connections_anonymous{$i})", "anonymous"],
      ],
    },
    {
      title: "Connections by node",
      unit: "short",
      lines: [["realtime_websocket_connections_total{$i}", "{{instance}}"]],
    },
    {
      title: "Room memberships",
      unit: "short",
      lines: [["sum by (room) (realtime_websocket_connections_per_room{$i})", "{{room}}"]],
    },
    {
      title: "Connections closed by the server",
      unit: "ops",
      lines: [[by("reason", "realtime_connections_closed_total"), "{{reason}}"]],
      help: "slow: a client that does not read; see SlowReaders.",
    },
  ],
  [
    "Frames",
    { title: "Sent", unit: "ops", lines: [[by("type", "realtime_messages_sent_total"), "{{type}}"]] },
    { title: "Received", unit: "ops", lines: [[by("type", "realtime_messages_received_total"), "{{type}}"]] },
    { title: "Delivery latency, commit to socket", unit: "s", lines: percentiles("realtime_delivery_seconds") },
    {
      title: "Recoveries",
      unit: "ops",
      lines: [
        [by("outcome", "realtime_recoveries_total"), "{{outcome}}"],
        [by("instance", "realtime_gap_fills_total"), "{{instance}} read from the log"],
      ],
    },
  ],
  [
    "Callers",
    {
      title: "gRPC calls",
      unit: "ops",
      lines: [[by("method, status", "realtime_grpc_requests_total"), "{{method}} {{status}}"]],
    },
    { title: "gRPC, time", unit: "s", lines: percentiles("realtime_grpc_request_duration_seconds") },
    {
      title: "HTTP requests",
      unit: "ops",
      lines: [[by("method, status", "realtime_http_request_duration_seconds_count"), "{{method}} {{status}}"]],
    },
    { title: "HTTP, time", unit: "s", lines: percentiles("realtime_http_request_duration_seconds") },
  ],
  [
    "Refusals and errors",
    { title: "Errors returned", unit: "ops", lines: [[by("type", "realtime_errors_total"), "{{type}}"]] },
    { title: "Limits", unit: "ops", lines: [[by("transport", "usher_limits_refused_total"), "{{transport}}"]] },
    {
      title: "Handshakes refused",
      unit: "ops",
      lines: [[by("status", "usher_handshakes_refused_total"), "{{status}}"]],
    },
    {
      title: "Notices delivered",
      unit: "ops",
      lines: [[by("type", "realtime_notifications_delivered_total"), "{{type}}"]],
    },
  ],
  [
    "Log and database",
    { title: "Log append time", unit: "s", lines: percentiles("realtime_log_append_seconds") },
    { title: "Log tail lag", unit: "s", lines: [["usher_log_tail_lag_seconds{$i}", "{{instance}}"]] },
    {
      title: "Lag of stored log consumers",
      unit: "s",
      lines: [["max by (consumer) (usher_log_consumer_lag_seconds{$i})", "{{consumer}}"]],
    },
    {
      title: "Stored log consumers",
      unit: "short",
      lines: [
        ["max by (consumer) (usher_log_consumer_lag_entries{$i})", "{{consumer}} entries to handle"],
        ["max by (consumer) (usher_log_consumer_parked{$i})", "{{consumer}} parked"],
        ["max by (consumer) (usher_log_consumer_owned{$i})", "{{consumer}} has a node"],
        ["max by (consumer) (usher_log_consumer_paused{$i})", "{{consumer}} paused"],
        ["max by (consumer) (usher_log_consumer_behind_retention{$i})", "{{consumer}} behind retention"],
      ],
    },
    {
      title: "Connections to the database",
      unit: "short",
      lines: [
        ["usher_database_connections{$i}", "{{instance}} {{pool}} {{state}}"],
        ["usher_database_waiting{$i}", "{{instance}} {{pool}} waiting"],
        ["usher_database_writable{$i}", "{{instance}} takes writes"],
      ],
    },
    { title: "Size of the log", unit: "bytes", lines: [["max(usher_log_bytes{$i})", "bytes"]] },
    {
      title: "Partitions ready",
      unit: "short",
      lines: [["min(usher_log_partitions_ahead{$i})", "partitions"]],
      help: "Each is for six hours.",
    },
    {
      title: "Rooms watched for presence",
      unit: "short",
      lines: [["sum(usher_presence_watched_rooms{$i})", "rooms"]],
    },
  ],
  [
    "Nodes and broker",
    {
      title: "Nodes",
      unit: "short",
      lines: [
        ["usher_nodes{$i}", "{{instance}} sees"],
        ["sum(usher_node_lease_held{$i})", "with a number"],
      ],
    },
    {
      title: "Broker",
      unit: "short",
      lines: [
        ["usher_broker_up{$i}", "{{instance}} up"],
        ["usher_broker_deaf{$i}", "{{instance}} isolated"],
        ["usher_presence_up{$i}", "{{instance}} presence"],
      ],
    },
    { title: "Round trip", unit: "s", lines: [["usher_broker_round_trip_seconds{$i}", "{{instance}}"]] },
    {
      title: "Messages",
      unit: "ops",
      lines: [
        [by("direction", "usher_broker_messages_total"), "{{direction}}"],
        [by("reason", "usher_broker_dropped_total"), "dropped: {{reason}}"],
      ],
    },
  ],
  [
    "Webhooks",
    { title: "Attempts", unit: "ops", lines: [[by("outcome", "usher_webhook_attempts_total"), "{{outcome}}"]] },
    { title: "Time to the first attempt", unit: "s", lines: percentiles("usher_webhook_first_attempt_seconds") },
    {
      title: "Pending and failed",
      unit: "short",
      lines: [
        ["max(usher_webhook_pending{$i})", "waiting"],
        ["sum(increase(usher_webhook_failed_total{$i}[1h]))", "failed in the last hour"],
        ["max(usher_webhook_parked{$i})", "parked: could not be recorded"],
      ],
    },
  ],
  [
    "Jobs",
    { title: "Runs", unit: "ops", lines: [[by("outcome", "usher_job_runs_total"), "{{outcome}}"]] },
    { title: "Jobs", unit: "short", lines: [["max by (state) (usher_jobs{$i})", "{{state}}"]] },
    { title: "Waiting since", unit: "s", lines: [["max(usher_jobs_age_seconds{$i})", "the oldest"]] },
  ],
  [
    "Processes",
    {
      title: "Memory",
      unit: "bytes",
      lines: [
        ["process_resident_memory_bytes{$i}", "{{instance}}"],
        ["process_heap_bytes{$i}", "{{instance}} heap"],
      ],
    },
    { title: "CPU", unit: "percentunit", lines: [[by("instance", "process_cpu_seconds_total"), "{{instance}}"]] },
    { title: "Event loop delay", unit: "s", lines: percentiles("realtime_event_loop_delay_seconds") },
    {
      title: "Versions and starts",
      unit: "dateTimeAsIso",
      lines: [["process_start_time_seconds{$i} * 1000", "{{instance}}"]],
    },
  ],
];

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana puts the chosen source in.
const SOURCE = { type: "prometheus", uid: "${source}" };

function toGrafanaPanel({ title, unit, lines, help }: Panel): object {
  return {
    type: "timeseries",
    title,
    ...(help && { description: help }),
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 5, showPoints: "never" } }, overrides: [] },
    options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } },
    targets: lines.map(([expression, legendFormat], place) => ({
      refId: String.fromCharCode(65 + place),
      datasource: SOURCE,
      expr: expression.replaceAll("$i", 'job="usher", instance=~"$instance"'),
      legendFormat,
    })),
  };
}

const HEAD = {
  uid: "usher",
  title: "Usher",
  tags: ["usher"],
  timezone: "browser",
  schemaVersion: 39,
  version: 1,
  editable: true,
  refresh: "30s",
  time: { from: "now-3h", to: "now" },
  templating: {
    list: [
      { name: "source", type: "datasource", query: "prometheus", label: "Source" },
      {
        name: "instance",
        type: "query",
        label: "Node",
        datasource: SOURCE,
        query: { query: 'label_values(usher_info{job="usher"}, instance)', refId: "instances" },
        includeAll: true,
        multi: true,
        allValue: ".*",
        current: { text: "All", value: "$__all" },
        refresh: 2,
      },
    ],
  },
};
