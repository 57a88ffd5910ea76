import { expect, test } from "bun:test";
import { createLifecycle } from "./lifecycle.ts";
import { createLogger } from "./logger.ts";

function logged() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger(
    { LOG_LEVEL: "info", LOG_FORMAT: "json" },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return { lines, life: createLifecycle(logger) };
}

test("parts stop in the reverse order of their start, one after the other, once", async () => {
  const { life } = logged();
  const order: string[] = [];
  for (const name of ["database", "hub", "http"]) {
    await life.start(
      name,
      () => name,
      async (part) => {
        await Promise.resolve();
        order.push(part);
      },
    );
  }
  expect(life.isStopping).toBe(false);
  await Promise.all([life.stop(), life.stop()]);
  expect(life.isStopping).toBe(true);
  expect(order).toEqual(["http", "hub", "database"]);
});

test("a part that hangs or fails is named and abandoned; the others stop all the same", async () => {
  const { life, lines } = logged();
  let stopped = false;
  await life.start(
    "database",
    () => {},
    () => {
      stopped = true;
    },
  );
  await life.start(
    "hanging",
    () => {},
    () => new Promise(() => {}),
    10,
  );
  await life.start(
    "failing",
    () => {},
    () => Promise.reject(new Error("no")),
  );
  await life.stop();
  expect(stopped).toBe(true);
  expect(lines.map(({ part, level }) => [part, level])).toEqual([
    ["failing", "error"],
    ["hanging", "warn"],
  ]);
});

test("a part that was still starting when the stop came is stopped too", async () => {
  const { life } = logged();
  const begun = Promise.withResolvers<string>();
  const stopped: string[] = [];
  const starting = life.start(
    "late",
    () => begun.promise,
    (part) => stopped.push(part),
  );
  await life.stop();
  begun.resolve("late");
  await expect(starting).rejects.toThrow("late was not started");
  expect(stopped).toEqual(["late"]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`the first ${signal} asks, the second ends the process at once`, async () => {
    const program = `
      import { waitForSignal } from ${JSON.stringify(new URL("lifecycle.ts", import.meta.url).pathname)};
      setInterval(() => {}, 1000);
      const received = waitForSignal();
      console.log("ready");
      console.log(await received);`;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
    const reader = child.stdout.getReader();
    const line = async () => new TextDecoder().decode((await reader.read()).value).trim();
    expect(await line()).toBe("ready");
    const asked = performance.now();
    child.kill(signal);
    expect(await line()).toBe(signal);
    child.kill(signal);
    const again = setInterval(() => child.kill(signal), 100); // within the first second it counts as the first one's echo
    expect(await child.exited).toBe(1);
    clearInterval(again);
    expect(performance.now() - asked).toBeGreaterThan(1_000);
  }, 30_000);
}
