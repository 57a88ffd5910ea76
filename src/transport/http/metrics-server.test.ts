import { expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:net";
import { StartError } from "../../config/start-error.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { createMetricsServer } from "./metrics-server.ts";

const LOOPBACK = { METRICS_HOST: "127.0.0.1", METRICS_TOKEN: null, METRICS_ALLOW: [] };

/** A request through a proxy of this machine counts as one of another machine. */
const ELSEWHERE = { "x-forwarded-for": "198.51.100.4" };

test.each([
  ["no other client", {}, null, 401],
  ["a wrong token", { METRICS_TOKEN: "a-token-of-the-tests" }, "a-token-of-the-text", 401],
  ["the token", { METRICS_TOKEN: "a-token-of-the-tests" }, "a-token-of-the-tests", 200],
  ["an address that is allowed", { METRICS_ALLOW: ["127.0.0.0/8"] }, null, 200],
  ["an address that is not", { METRICS_ALLOW: ["10.0.0.0/8"] }, null, 401],
])("other machines read the metrics by a token or an allowed address: %s", async (_, more, token, status) => {
  const metrics = createMetrics("0.0.0");
  const server = createMetricsServer({ ...LOOPBACK, METRICS_PORT: 0, ...more }, metrics);
  try {
    const headers = token === null ? ELSEWHERE : { ...ELSEWHERE, authorization: `Bearer ${token}` };
    expect((await fetch(`http://127.0.0.1:${server.port}/metrics`, { headers })).status).toBe(status);
    expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status).toBe(200);
  } finally {
    await server.stop();
    metrics.stop();
  }
});

test("the port of the metrics serves /metrics and nothing else", async () => {
  const metrics = createMetrics("0.0.0");
  const server = createMetricsServer({ ...LOOPBACK, METRICS_PORT: 0 }, metrics);
  try {
    metrics.hub.sent("message:created", 3);
    const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    expect(await response.text()).toContain('realtime_messages_sent_total{type="message:created"} 3');
    expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(404);
  } finally {
    await server.stop();
    metrics.stop();
  }
});

test("when it is in use, an error says what to do", async () => {
  // Of another kind: Bun lets two servers of one process share a port.
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const metrics = createMetrics("0.0.0");
  const address = other.address();
  const METRICS_PORT = typeof address === "object" && address !== null ? address.port : 0;
  const start = () => createMetricsServer({ ...LOOPBACK, METRICS_PORT }, metrics);
  expect(start).toThrow(StartError);
  expect(start).toThrow(`Port ${METRICS_PORT} is taken. Choose another for the metrics`);
  metrics.stop();
  other.close();
});
