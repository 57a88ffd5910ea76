import { expect, test } from "bun:test";
import { loadConfig } from "../config/load.ts";
import { chooseBroker } from "./start-broker.ts";

const chosen = (environment: Record<string, string>) =>
  chooseBroker(loadConfig({ environment, dotenv: null, readFile: () => "" }));

test("auto is Redis where it is configured, else NATS, else PostgreSQL, else memory", () => {
  const DATABASE_URL = "postgres://db/usher";
  const NATS_URL = "nats://n";
  expect(chosen({})).toBe("memory");
  expect(chosen({ DATABASE_URL })).toBe("postgres");
  expect(chosen({ DATABASE_URL, NATS_URL })).toBe("nats");
  expect(chosen({ DATABASE_URL, NATS_URL, REDIS_HOST: "r" })).toBe("redis");
  expect(chosen({ REDIS_URL: "redis://r" })).toBe("redis");
  expect(chosen({ REDIS_SENTINELS: "s", REDIS_SENTINEL_NAME: "m" })).toBe("redis");
  expect(chosen({ BROKER: "memory", REDIS_URL: "redis://r" })).toBe("memory");
  expect(chosen({ BROKER: "postgres" })).toBe("postgres");
});
