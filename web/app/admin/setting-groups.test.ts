import { expect, test } from "bun:test";
import { OPTIONS, type Option } from "../../../src/config/options.ts";
import { groupSettings, settingGroup, settingTitle } from "./setting-groups.ts";

test("every option has a group, and every one that the page changes has a title", () => {
  for (const [name, { hot }] of Object.entries(OPTIONS) as [string, Option][]) {
    expect([name, settingGroup(name)]).not.toEqual([name, "Other"]);
    if (hot === "page") expect([name, settingTitle(name)]).not.toEqual([name, name]);
  }
});

test("each setting is in one group, and one of a newer release is under Other", () => {
  const names = ["LOG_LEVEL", "REGISTRATION", "LOG_RETENTION", "WS_RATE_LIMIT", "WS_PING_INTERVAL", "MOON_PHASE"];
  const groups = groupSettings(names.map((name) => ({ name })));
  expect(groups.map(({ title, settings }) => [title, ...settings.map(({ name }) => name)])).toEqual([
    ["People and sign-in", "REGISTRATION"],
    ["Limits", "WS_RATE_LIMIT"],
    ["Connections", "WS_PING_INTERVAL"],
    ["History and storage", "LOG_RETENTION"],
    ["Logs, metrics and traces", "LOG_LEVEL"],
    ["Other", "MOON_PHASE"],
  ]);
});
