import { expect, test } from "bun:test";
import { createKeyedMutex } from "./keyed-mutex.ts";

test("work under one key runs alone and in order; only its own caller gets a failure; other keys go on", async () => {
  const runExclusive = createKeyedMutex();
  const steps: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = runExclusive("a", async () => {
    steps.push("a1 begins");
    await gate.promise;
    steps.push("a1 ends");
  });
  const second = runExclusive("a", async () => {
    steps.push("a2");
    throw new Error("no");
  });
  const third = runExclusive("a", async () => steps.push("a3"));
  await runExclusive("b", async () => steps.push("b"));
  gate.resolve();
  await first;
  await expect(second).rejects.toThrow("no");
  await third;
  expect(steps).toEqual(["a1 begins", "b", "a1 ends", "a2", "a3"]);
});
