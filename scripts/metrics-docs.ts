import { createWebhookMetrics } from "../src/bridges/webhooks/metrics.ts";
import { createJobMetrics } from "../src/platform/jobs/job-metrics.ts";
import { createMetrics, type Metrics } from "../src/platform/metrics.ts";

/** Every metric that a node exposes, with no source for the numbers. */
export function allMetrics(): Metrics {
  const metrics = createMetrics("0.0.0");
  metrics.stop();
  metrics.watchConnections(() => ({ connections: 0, authenticated: 0, anonymous: 0, rooms: {} }));
  metrics.watchBroker(() => ({
    messagesOut: 0,
    bytesOut: 0,
    messagesIn: 0,
    bytesIn: 0,
    dropped: {},
    lag: 0,
    health: "ok",
  }));
  const pool = () => ({ open: 0, idle: 0, waiting: 0 });
  metrics.watchNode({
    nodes: () => 1,
    isLeaseHeld: () => true,
    pools: { main: pool, posts: pool },
    isWritable: () => true,
    tailLag: () => 0,
    logSize: async () => ({ bytes: 0, partitionsAhead: 0 }),
    logConsumers: async () => [],
    isPresenceUp: () => true,
    watchedRooms: () => 0,
  });
  createJobMetrics(metrics.registry, async () => ({ waiting: 0, running: 0, dead: 0, age: 0 }));
  createWebhookMetrics(metrics.registry, { pending: async () => 0, parked: async () => 0 });
  return metrics;
}

/** docs/metrics.md: one line for each metric. */
export function metricsDocs(): string {
  const rows = allMetrics()
    .registry.getMetricsAsArray()
    .map((metric) => metric as unknown as { name: string; help: string; type: string; labelNames: string[] })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labelNames, help }) => {
      const labels = labelNames.map((label) => `\`${label}\``).join(", ");
      return `| \`${name}\` | ${type} | ${labels} | ${help} |`;
    });
  return `${HEAD}${rows.join("\n")}\n`;
}

const HEAD = `# Metrics

<!-- Made by \`npm run generate\` from what the program registers. -->

\`GET /metrics\` responds in Prometheus' text format: on the port of \`METRICS_PORT\`, for this machine and, where
\`METRICS_HOST\` opens it, to callers with \`METRICS_TOKEN\` or from \`METRICS_ALLOW\`; on the main port to this machine, and to callers
with a service token with the scope \`stats\` (\`authorization: Bearer ust_…\`). Each is there with 0 from the start. Labels are
words of Usher only: never a room, a person, or what a client made up. With \`WORKERS\` the port of the metrics adds up the workers
(of a gauge that cannot be added, the worst counts); on the main port one worker returns its own.

Alert rules are in [\`deploy/prometheus/rules.yml\`](../deploy/prometheus/rules.yml), a dashboard is
[\`deploy/grafana/usher.json\`](../deploy/grafana/usher.json).

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
`;
