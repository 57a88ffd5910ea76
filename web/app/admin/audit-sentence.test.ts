import { expect, test } from "bun:test";
import { ACTIONS } from "../../../src/platform/audit.ts";
import { describeAction, listUserIds } from "./audit-sentence.ts";

const entry = (action: string, subject: string, detail: Record<string, unknown> = {}) => ({
  id: "1",
  at: "2026-11-21T12:00:00.000Z",
  actor: "1",
  actor_name: "ada",
  action,
  subject,
  detail,
  address: null,
});

test("actions are sentences with the names of people", () => {
  const names = { 7: "troll" };
  const describe = (action: string, subject: string, detail?: Record<string, unknown>) =>
    describeAction(entry(action, subject, detail), names);
  expect(describe("ban:made", "user:7", { until: null })).toBe("banned troll permanently");
  expect(describe("ban:made", "range:2001:db8::/48", { until: "2026-12-01T10:00:00.000Z" })).toBe(
    "banned 2001:db8::/48 until 1 December 2026",
  );
  expect(describe("role:changed", "user:8", { from: "member", to: "admin" })).toBe(
    "changed the role of person 8 from member to admin",
  );
  expect(describe("setting:changed", "setting:LOG_LEVEL", { from: null, to: "debug" })).toBe("set LOG_LEVEL to debug");
  expect(describe("setting:changed", "setting:LOG_LEVEL", { from: "debug", to: null })).toBe(
    "set LOG_LEVEL back to its value in the environment",
  );
  expect(describe("webhook:redelivered", "webhook-endpoint:3", { count: 2 })).toBe(
    "sent 2 deliveries to webhook 3 again",
  );
  expect(describe("webhook:removed", "webhook-endpoint:3", { host: "hooks.example.org" })).toBe(
    "removed the webhook to hooks.example.org",
  );
  expect(describe("service-token:issued", "service-token:4", { name: "booking", scopes: ["notify"] })).toBe(
    "created the service token booking with notify",
  );
  expect(describe("service-token:revoked", "service-token:4")).toBe("revoked service token 4");
  expect(describe("sessions:ended", "user:7", { count: 1 })).toBe("ended 1 session of troll");
  expect(listUserIds([entry("ban:made", "user:7"), entry("node:drained", "node:1")])).toEqual(["7"]);
});

test("every action of the audit log has its sentence, and one of a newer release is shown too", () => {
  for (const action of ACTIONS) expect(describeAction(entry(action, "thing:1"), {})).not.toStartWith("did ");
  expect(describeAction(entry("moon:landed", "moon:1"), {})).toBe("did moon:landed to moon 1");
});
