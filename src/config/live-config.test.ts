import { expect, test } from "bun:test";
import { assert, nat, property } from "fast-check";
import { createLiveConfig, findNameMistake, formatOption, isOwnersOnly } from "./live-config.ts";
import { ConfigError, loadConfig } from "./load.ts";
import { duration } from "./values.ts";

function started(environment: Record<string, string> = {}) {
  const read = () => loadConfig({ environment, dotenv: null, readFile: () => "" });
  const live = createLiveConfig(read(), read);
  const notified: string[][] = [];
  live.onChange((changed) => notified.push([...changed]));
  return { live, environment, notified };
}

const over = (texts: Record<string, string>) => new Map(Object.entries(texts));

test("a reload applies hot options, names those that need a restart, and notifies the listeners once", () => {
  const { live, environment, notified } = started();
  const { config } = live;
  Object.assign(environment, { LOG_LEVEL: "debug", ALLOWED_ORIGINS: "https://a.example", HTTP_PORT: "4000" });
  expect(live.reload()).toEqual({ changed: ["ALLOWED_ORIGINS", "LOG_LEVEL"], restart: ["HTTP_PORT"] });
  expect([config.LOG_LEVEL, config.HTTP_PORT]).toEqual(["debug", 3003]);
  expect(live.reload()).toEqual({ changed: [], restart: ["HTTP_PORT"] });
  expect(notified).toEqual([["ALLOWED_ORIGINS", "LOG_LEVEL"]]);
});

test("a reload with a mistake changes nothing, not even a valid option", () => {
  const { live, environment, notified } = started();
  Object.assign(environment, { LOG_LEVEL: "debug", WS_RATE_LIMT: "5", WS_PING_INTERVAL: "30" });
  expect(() => live.reload()).toThrow("Did you mean WS_RATE_LIMIT?");
  expect(live.config.LOG_LEVEL).toBe("info");
  expect(notified).toEqual([]);
});

test("what an admin has set overrides the environment until it is reset", () => {
  const { live, environment } = started({ WS_RATE_LIMIT: "10" });
  expect(live.override(over({ WS_RATE_LIMIT: "20" }))).toEqual(["WS_RATE_LIMIT"]);
  environment.WS_RATE_LIMIT = "30";
  expect(live.reload().changed).toEqual([]);
  expect(live.config.WS_RATE_LIMIT).toBe(20);
  live.override(over({}));
  expect(live.config.WS_RATE_LIMIT).toBe(30);
});

test("wrong settings are refused with a message and change nothing", () => {
  const { live } = started();
  const refused = (texts: Record<string, string>) => {
    try {
      live.override(over({ LOG_LEVEL: "debug", ...texts }));
    } catch (error) {
      if (error instanceof ConfigError) return error.mistakes.map(({ message }) => message);
    }
    return null;
  };
  expect(refused({ LOG_LEVL: "info" })).toEqual(["Usher does not know LOG_LEVL. Did you mean LOG_LEVEL?"]);
  expect(refused({ WS_RATE_LIMIT: "many" })).toEqual([
    'WS_RATE_LIMIT must be a whole number from 1 to 1000000, not "many".',
  ]);
  expect(refused({ WS_PONG_TIMEOUT: "5s" })![0]).toContain("longer than WS_PING_INTERVAL");
  expect(refused({ HTTP_PORT: "1" })![0]).toContain("needs a restart");
  expect(refused({ JWT_SECRET: "x".repeat(40) })![0]).toContain("environment only");
  expect(live.config.LOG_LEVEL).toBe("info");
});

test.each([
  [{ WS_RATE_LIMIT: "many" }, ["WS_RATE_LIMIT"]],
  [{ HTTP_PORT: "1" }, ["HTTP_PORT"]],
  [{ WS_PING_INTERVAL: "20s", WS_PONG_TIMEOUT: "5s" }, ["WS_PONG_TIMEOUT", "WS_PING_INTERVAL"]],
] as [Record<string, string>, string[]][])("of %j the mistake names its options", (texts, options) => {
  let mistakes: ConfigError["mistakes"] = [];
  try {
    started().live.check(over(texts));
  } catch (error) {
    if (error instanceof ConfigError) mistakes = error.mistakes;
  }
  expect(mistakes.map((mistake) => mistake.options)).toEqual([options]);
});

test("an environment that contradicts what an admin has set is refused as a whole", () => {
  const { live, environment } = started();
  live.override(over({ WS_PONG_TIMEOUT: "40s" }));
  environment.WS_PING_INTERVAL = "50s";
  expect(() => live.reload()).toThrow("longer than WS_PING_INTERVAL");
  expect(live.config.WS_PING_INTERVAL).toBe(30_000);
});

test("durations are written as they are read", async () => {
  await assert(
    property(nat(1e9), (ms) => {
      expect(duration.parse(formatOption("WS_PING_INTERVAL", ms)!)).toBe(ms);
    }),
  );
  expect(findNameMistake("WS_PING_INTERVAL")).toBeNull();
});

test.each(["__proto__", "constructor", "toString"])("%s is no option", (name) => {
  expect(findNameMistake(name)).toBe(`Usher does not know ${name}.`);
  expect(isOwnersOnly(name)).toBe(false);
});
