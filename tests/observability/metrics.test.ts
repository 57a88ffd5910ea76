import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AggregatorRegistry } from "prom-client";
import { grafanaDashboard } from "../../scripts/grafana-dashboard.ts";
import { allMetrics, metricsDocs } from "../../scripts/metrics-docs.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { findTool, testWith } from "../support/tools.ts";

/** What a started node shows of itself, and what is written about it: alert rules, dashboard, docs. */
const ROOT = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const TOKEN = "a-token-of-the-tests-for-everything";

let app: TestApp;
let text: string;
beforeAll(async () => {
  app = await startTestApp({ GRPC_TOKEN: TOKEN });
  text = await (await fetch(`${app.url}/metrics`)).text();
});
afterAll(() => app.close());

/** Names as they are written in PromQL, of ours and of the process. */
const namesIn = (source: string) => [...new Set(source.match(/\b(?:realtime|usher|process)_[a-z_]+/g) ?? [])].sort();
const shown = () => new Set(text.split("\n").flatMap((line) => /^([a-z_]+)[{ ]/.exec(line)?.[1] ?? []));

test("the names that others rely on are there with 0 from the start", () => {
  for (const line of [
    "realtime_websocket_connections_total 0",
    "realtime_websocket_connections_authenticated 0",
    "realtime_websocket_connections_anonymous 0",
    'realtime_websocket_connections_per_room{room="event"} 0',
    'realtime_messages_sent_total{type="message:created"} 0',
    'realtime_messages_received_total{type="room:join"} 0',
    'realtime_notifications_delivered_total{type="booking"} 0',
    'realtime_notifications_delivered_total{type="queue"} 0',
    'realtime_notifications_delivered_total{type="payment"} 0',
    'realtime_grpc_requests_total{method="NotifyBookingResult",status="OK"} 0',
    'realtime_grpc_requests_total{method="SendToUser",status="OK"} 0',
    "realtime_grpc_request_duration_seconds_count 0",
    'realtime_errors_total{type="UNAUTHORIZED"} 0',
    'realtime_connections_closed_total{reason="slow"} 0',
    'usher_limits_refused_total{transport="grpc"} 0',
    'usher_broker_dropped_total{reason="away"} 0',
  ])
    expect(text.split("\n")).toContain(line);
});

test("what a node depends on has its metrics", () => {
  const number = (name: string) => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
  expect(number("usher_nodes")).toBe(1);
  expect(number("usher_node_lease_held")).toBe(1);
  expect(number("usher_log_partitions_ahead")).toBeGreaterThanOrEqual(5);
  expect(number("usher_log_bytes")).toBeGreaterThan(8_192);
  expect(number("usher_log_tail_lag_seconds")).toBeLessThan(30);
  const connections = (state: string) => number(`usher_database_connections{pool="main",state="${state}"}`);
  expect(connections("idle") + connections("used")).toBeGreaterThan(0);
  expect(number("usher_database_writable")).toBe(1);
  expect(number('usher_database_waiting{pool="posts"}')).toBe(0);
  expect(number("usher_presence_up")).toBe(1);
});

test("docs/metrics.md names what a started node shows, and nothing else", () => {
  expect(read("docs/metrics.md")).toBe(metricsDocs());
  const registered = allMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name)
    .sort();
  const help = [...text.matchAll(/^# HELP ([a-z_]+) /gm)].map(([, name]) => name!).sort();
  expect(registered).toEqual(help);
});

test("every metric that the alert rules and the dashboard name exists", () => {
  const rules = read("deploy/prometheus/rules.yml");
  for (const source of [rules, read("deploy/grafana/usher.json"), read("deploy/prometheus/rules.test.yml")])
    for (const name of namesIn(source)) expect(shown()).toContain(name);
  const unwatched = namesIn(metricsDocs()).filter((name) => !grafanaDashboard().includes(name));
  expect(unwatched).toEqual(["process_open_fds", "usher_broker_bytes_total"]);
});

test("every alert says what to do, and where to read more", () => {
  const rules = read("deploy/prometheus/rules.yml").split("- alert: ").slice(1);
  const runbook = read("docs/operating.md");
  for (const name of namesIn(runbook)) expect(namesIn(metricsDocs())).toContain(name);
  for (const rule of rules) {
    const name = /^\w+/.exec(rule)![0];
    expect(rule).toMatch(/description: "[A-Z].{60,}\."/);
    expect(rule).toContain(`runbook: docs/operating.md#${name.toLowerCase()}`);
    expect(runbook).toContain(`\n### ${name}\n`);
    expect(rule).toMatch(/severity: (page|ticket)/);
  }
});

test("the dashboard is what the script makes, with integer positions and one id for each panel", () => {
  expect(read("deploy/grafana/usher.json")).toBe(grafanaDashboard());
  const { panels } = JSON.parse(grafanaDashboard()) as {
    panels: { id: number; type: string; gridPos: { x: number; w: number }; targets?: { expr: string }[] }[];
  };
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { type, gridPos, targets } of panels) {
    expect(Number.isInteger(gridPos.x) && gridPos.x + gridPos.w <= 24).toBe(true);
    if (type !== "row") expect(targets!.every(({ expr }) => expr.includes("$instance"))).toBe(true);
  }
});

testWith("promtool")("promtool finds rules and their tests good", async () => {
  for (const args of [
    ["check", "rules", "deploy/prometheus/rules.yml"],
    ["test", "rules", "deploy/prometheus/rules.test.yml"],
    ["check", "config", "deploy/prometheus/prometheus.yml"],
  ]) {
    const run = Bun.spawn([findTool("promtool")!, ...args], { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
    const output = (await new Response(run.stdout).text()) + (await new Response(run.stderr).text());
    expect({ code: await run.exited, said: output }).toMatchObject({
      code: 0,
      said: expect.stringContaining("SUCCESS"),
    });
  }
});

test("from elsewhere the metrics need a service token with the scope stats", async () => {
  const request = async (authorization?: string) => {
    const headers: Record<string, string> = { "x-forwarded-for": "203.0.113.7" };
    if (authorization !== undefined) headers.authorization = authorization;
    const response = await fetch(`${app.url}/metrics`, { headers });
    return [response.status, (await response.text()).includes("realtime_messages_sent_total")];
  };
  expect(await request(`Bearer ${TOKEN}`)).toEqual([200, true]);
  expect(await request("Bearer ust_1_wrong")).toEqual([401, false]);
  expect(await request("Bearer something")).toEqual([403, false]);
  expect((await request())[1]).toBe(false);
});

test("a parent adds up its workers, and takes the worst of what cannot be added", async () => {
  const one = allMetrics();
  const two = allMetrics();
  one.hub.sent("message:created", 2);
  two.hub.sent("message:created", 3);
  const both = await AggregatorRegistry.aggregate([await one.json(), await two.json()] as object[]).metrics();
  for (const line of [
    'realtime_messages_sent_total{type="message:created"} 5',
    "usher_nodes 1",
    "usher_node_lease_held 1",
    "usher_broker_up 1",
    "usher_presence_up 1",
  ])
    expect(both.split("\n")).toContain(line);
  expect(both).toMatch(/^usher_info\{.*\} 1$/m);
});
