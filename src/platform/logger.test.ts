import { expect, test } from "bun:test";
import { createLogger, redactUrl } from "./logger.ts";

test("secrets are not written, wherever they are logged", () => {
  const lines: string[] = [];
  const logger = createLogger({ LOG_LEVEL: "info", LOG_FORMAT: "json" }, { write: (line) => void lines.push(line) });
  logger.info(
    { password: "hunter2", user: { token: "hunter2" }, request: { headers: { authorization: "Bearer hunter2" } } },
    "x",
  );
  expect(lines.join()).not.toContain("hunter2");
  expect(lines.join().match(/\[redacted\]/g)).toHaveLength(3);
});

test("another level holds for loggers that were made before, and theirs", () => {
  const lines: string[] = [];
  const logger = createLogger({ LOG_LEVEL: "info", LOG_FORMAT: "json" }, { write: (line) => void lines.push(line) });
  const child = logger.child({ name: "chat" });
  const grandchild = child.child({ room: "channel:1" });
  logger.level = "debug";
  for (const each of [logger, child, grandchild, child.child({})]) each.debug("logged");
  logger.level = "warn";
  for (const each of [logger, child, grandchild, child.child({})]) each.info("not logged");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["logged", "logged", "logged", "logged"]);
});

test("a line for people has time, level, name, message and the other fields", () => {
  const lines: string[] = [];
  const logger = createLogger({ LOG_LEVEL: "info", LOG_FORMAT: "pretty" }, { write: (line) => void lines.push(line) });
  logger.child({ name: "chat" }).warn({ room: "channel:1" }, "slow");
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}\[chat\] slow room="channel:1"\n$/);
  logger.error({ err: new Error("broken") }, "failed");
  expect(lines[1]).toContain("ERROR failed\nError: broken\n    at ");
});

test("a URL is written without its credentials", () => {
  expect(redactUrl("/ws?token=a.b.c&x=1")).toBe("/ws?token=[redacted]&x=1");
  expect(redactUrl("/reset?x=1&code=123#top")).toBe("/reset?x=1&code=[redacted]#top");
  expect(redactUrl("/api?api_key=[redacted]")).toBe("/api?api_key=[redacted]");
  expect(redactUrl("/register?invite=Abc-1&x=1")).toBe("/register?invite=[redacted]&x=1");
  expect(redactUrl("/register?x=1&invite_code=Abc-1")).toBe("/register?x=1&invite_code=[redacted]");
  for (const rest of ["Abc_-1", "Abc_-1.data?x=1", "Abc_-1/", "/Abc_-1"]) {
    expect(redactUrl(`/reset/${rest}`)).not.toContain("Abc_-1");
    expect(redactUrl(`https://chat.example.org/reset/${rest}`)).not.toContain("Abc_-1");
  }
  expect(redactUrl("/reset?x=1")).toBe("/reset?x=1");
  expect(redactUrl("/x?token&a=token=b#token=c")).toBe("/x?token&a=token=b#token=c");
});
