import { expect, test } from "bun:test";
import { loadConfig } from "../config/load.ts";
import { connectsPerSecond, hubLimits, requestsPerMinute, requestsPerService } from "./node-limits.ts";
import { hasRole } from "./roles.ts";

const makeConfig = (environment: Record<string, string> = {}) =>
  loadConfig({ environment, dotenv: null, readFile: () => "" });

test("a frame of the maximum size fits into the burst", () => {
  const limits = hubLimits(makeConfig({ WS_BYTE_LIMIT: "1024", WS_MAX_MESSAGE_SIZE: "1048576" }));
  expect(limits.bytes * 10).toBeGreaterThanOrEqual(limits.maxFrame);
});

test("limits follow their options while the server runs", () => {
  const config = makeConfig({ HTTP_RATE_LIMIT: "600", WS_CONNECT_LIMIT: "10", SERVICE_RATE_LIMIT: "7" });
  const [all, fifth] = [requestsPerMinute(config, 1), requestsPerMinute(config, 1 / 5)];
  const [connects, service] = [connectsPerSecond(config), requestsPerService(config)];
  const points = () => [all, fifth, connects, service].map((limit) => limit.points);
  expect(points()).toEqual([600, 120, 10, 7]);
  Object.assign(config, { HTTP_RATE_LIMIT: 60, WS_CONNECT_LIMIT: 20, SERVICE_RATE_LIMIT: 8 });
  expect(points()).toEqual([60, 12, 20, 8]);
  expect([all.seconds, connects.seconds]).toEqual([60, 1]);
});

test("a node does the work of its roles, and one with the role all does everything", () => {
  expect(hasRole({ ROLES: ["all"] }, "worker")).toBe(true);
  expect(hasRole({ ROLES: ["edge", "api"] }, "api")).toBe(true);
  expect(hasRole({ ROLES: ["edge", "api"] }, "web")).toBe(false);
});
